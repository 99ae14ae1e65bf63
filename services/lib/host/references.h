// A child, or a case, as one viewer knows it: a pseudonym that the same key makes, and turns back, in every service.
// Nothing is stored, and nothing can be read from it.
#pragma once

#include <string>

#include "lib/base/error.h"
#include "lib/seal/seal.h"

namespace stafett::host {

class References {
 public:
  virtual ~References() = default;
  // A case as one recipient sees it ("k-…").
  virtual std::string CaseFor(const std::string& recipient, const std::string& case_id) const = 0;
  // As ToChild.
  virtual Result<std::string> ToCase(const std::string& recipient, const std::string& reference) const = 0;
  // A child as one service knows it ("cr-…").
  virtual std::string ForService(const std::string& recipient, const std::string& child) const = 0;
  // Another service's reference gives a child that nobody knows; what is no reference at all, NotAllowed().
  virtual Result<std::string> ToChild(const std::string& recipient, const std::string& reference) const = 0;
};

// Under the alias key (lib/seal). Thread-safe.
class SealedReferences final : public References {
 public:
  explicit SealedReferences(const seal::Secret& alias_key) : pseudonyms_(alias_key) {}
  std::string CaseFor(const std::string& recipient, const std::string& case_id) const override;
  Result<std::string> ToCase(const std::string& recipient, const std::string& reference) const override;
  std::string ForService(const std::string& recipient, const std::string& child) const override;
  Result<std::string> ToChild(const std::string& recipient, const std::string& reference) const override;

 private:
  seal::Pseudonyms pseudonyms_;
};

}  // namespace stafett::host
