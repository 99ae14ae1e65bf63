// A child as one viewer knows it: a pseudonym that the same key turns back in every service. Nothing is stored, and
// nothing can be read from it.
#pragma once

#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/seal/seal.h"

namespace stafett::host {

// Scopes of pseudonyms, the same in every service that holds the alias key.
// A child as one service knows it ("cr-…").
inline std::string ChildScope(std::string_view recipient) { return "child/" + std::string(recipient); }
// A case as one recipient sees it ("k-…").
inline std::string CaseScope(std::string_view recipient) { return "case/" + std::string(recipient); }

// The children's private references: a pseudonym per service.
class References {
 public:
  virtual ~References() = default;
  virtual std::string ForService(const std::string& recipient, const std::string& child) const = 0;
  // Another service's reference gives a child that nobody knows; what is no reference at all, NotAllowed().
  virtual Result<std::string> ToChild(const std::string& recipient, const std::string& reference) const = 0;
};

// Under the alias key (lib/seal). Thread-safe.
class SealedReferences final : public References {
 public:
  explicit SealedReferences(const seal::Secret& alias_key) : pseudonyms_(alias_key) {}
  std::string ForService(const std::string& recipient, const std::string& child) const override;
  Result<std::string> ToChild(const std::string& recipient, const std::string& reference) const override;

 private:
  seal::Pseudonyms pseudonyms_;
};

}  // namespace stafett::host
