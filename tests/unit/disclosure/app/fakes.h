// The world of the use cases of disclosure, in memory: children as they are given, and nothing that can be changed.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "disclosure/app/operations.h"

namespace stafett::disclosure::app::fakes {

class Children final : public Ledger {
 public:
  std::map<std::string, std::shared_ptr<domain::View>> views;
  std::vector<std::string> told;  // by anybody on any day
  Time now;
  Status Change(const gate::Command&, const std::string&, Deadline, const Decide&, std::optional<Reading>*) override {
    return Fail(Code::kInternal, "NOT_HERE", "");
  }
  void EndReading(const std::string&, const Reading&) override {}
  Result<Case> Load(const std::string& child, Deadline) override {
    Case c;
    c.child = child;
    c.view = views.at(child);
    c.now = now;
    return c;
  }
  Result<Moment> LoadAt(const std::string&, const domain::Decided&, Deadline) override {
    return Fail(Code::kInternal, "NOT_HERE", "");
  }
  Result<std::string> ChildOfDelivery(const std::string&, Deadline) override { return host::NotAllowed(); }
  Result<Page> Deliveries(const std::string&, std::int64_t, std::int64_t, Deadline) override { return Page(); }
  Result<std::vector<std::string>> Missed(const std::string&, std::int64_t, Deadline) override { return {}; }
  Status Caught(const std::string&, const std::string&, Deadline) override { return {}; }
  Result<Told> ToldOn(const std::string&, const calendar::Date&, std::int64_t from, std::int64_t count,
                      Deadline) override {
    const auto size = static_cast<std::int64_t>(told.size());
    const auto begin = std::min(from, size), end = std::min(from + count, size);
    return Told{{told.begin() + begin, told.begin() + end}, now};
  }
  Result<FenceView> Fence(const std::string&, const std::string&, Deadline) override { return FenceView(); }
};

// Every service may have a reference to every child: registering tells nobody anything (design §5).
class AnyReference final : public host::References {
 public:
  std::string CaseFor(const std::string&, const std::string&) const override { return "k-1"; }
  std::string ForService(const std::string&, const std::string&) const override { return "cr-1"; }
  Result<std::string> ToCase(const std::string&, const std::string&) const override { return host::NotAllowed(); }
  Result<std::string> ToChild(const std::string&, const std::string&) const override { return std::string("ch-1"); }
};
class NoRecipients final : public Recipients {
 public:
  Result<std::map<std::string, std::string>> Suspended(const std::vector<std::string>&, Deadline) override {
    return std::map<std::string, std::string>();
  }
  Result<std::map<std::string, Time>> Untouched(Deadline) override { return std::map<std::string, Time>(); }
  Status Resume(const std::string&, Deadline) override { return {}; }
};
class NoContents final : public Contents {
 public:
  Result<Content> Show(const std::string&, const domain::Item&, policy::CategorySet,
                       const std::string&) const override {
    return Content();
  }
};

// A controller with one recipient that can tell everything.
inline tenants::Controller Of(const std::string& id, const std::string& recipient) {
  tenants::Controller c;
  c.id = id;
  c.recipients.emplace_back();
  c.recipients.back().id = recipient;
  c.recipients.back().controller = id;
  c.recipients.back().receipts = {tenants::Receipt::kStored, tenants::Receipt::kOpened};
  return c;
}

inline host::Who Officer(const std::string& recipient, const std::string& controller) {
  host::Who who;
  who.recipient = recipient;
  who.controller = controller;
  who.person = "p-officer";
  who.role = "DISCLOSURE_OFFICER";
  return who;
}

}  // namespace stafett::disclosure::app::fakes
