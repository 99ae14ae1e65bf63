// A secret read from a file. It has no stream operator and no formatter, so it cannot be logged by
// accident; whoever needs the text says Reveal().
#pragma once

#include <string>
#include <utility>

namespace stafett::config {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& Reveal() const { return text_; }
  bool empty() const { return text_.empty(); }

 private:
  std::string text_;
};

}  // namespace stafett::config
