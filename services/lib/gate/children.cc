#include "lib/gate/children.h"

#include <array>
#include <cstring>

namespace stafett::gate {
namespace {
void Put64(std::string& out, std::int64_t n) {
  std::array<char, 8> b{};
  std::memcpy(b.data(), &n, 8);
  out.append(b.data(), 8);
}
std::int64_t Take64(std::string_view bytes, std::size_t at) {
  std::int64_t n = 0;
  std::memcpy(&n, bytes.data() + at, 8);
  return n;
}
}  // namespace

std::string EncodeInput(const Input& input) {
  std::string out;
  out.reserve(16 + input.record.size());
  Put64(out, input.offset);
  Put64(out, input.appended.ms);
  out += input.record;
  return out;
}

Result<Input> DecodeInput(std::string_view bytes) {
  if (bytes.size() < 16) return Fail(Code::kInternal, "BAD_INPUT", "an input entry is too short");
  return Input{Take64(bytes, 0), Time{Take64(bytes, 8)}, std::string(bytes.substr(16))};
}

}  // namespace stafett::gate
