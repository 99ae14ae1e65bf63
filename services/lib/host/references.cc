#include "lib/host/references.h"

#include "lib/host/who.h"

namespace stafett::host {
namespace {
// The same in every service that holds the alias key.
std::string ChildScope(const std::string& recipient) { return "child/" + recipient; }
std::string CaseScope(const std::string& recipient) { return "case/" + recipient; }
}  // namespace

std::string SealedReferences::CaseFor(const std::string& recipient, const std::string& case_id) const {
  return pseudonyms_.For(CaseScope(recipient), case_id, "k");
}

Result<std::string> SealedReferences::ToCase(const std::string& recipient, const std::string& reference) const {
  auto case_id = pseudonyms_.Back(CaseScope(recipient), reference, "ca");
  if (!case_id) return NotAllowed();
  return case_id;
}

std::string SealedReferences::ForService(const std::string& recipient, const std::string& child) const {
  return pseudonyms_.For(ChildScope(recipient), child, "cr");
}

Result<std::string> SealedReferences::ToChild(const std::string& recipient, const std::string& reference) const {
  auto child = pseudonyms_.Back(ChildScope(recipient), reference, "ch");
  if (!child) return NotAllowed();
  return child;
}

}  // namespace stafett::host
