#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "lib/seal/owner.h"
#include "lib/seal/seal.h"

namespace stafett::seal {
namespace {

constexpr char kHex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

class KeyFile {
 public:
  KeyFile(const std::string& text, mode_t mode) {
    int fd = ::mkstemp(path_.data());
    EXPECT_GE(fd, 0);
    EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    EXPECT_EQ(::fchmod(fd, mode), 0);
    ::close(fd);
  }
  ~KeyFile() { ::unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/stafett-seal-XXXXXX";
};

TEST(Secret, DefaultIsNotValid) { EXPECT_FALSE(Secret().Valid()); }

TEST(Secret, RandomIsValidAndFresh) {
  Secret a = Secret::Random();
  Secret b = Secret::Random();
  EXPECT_TRUE(a.Valid());
  EXPECT_FALSE(std::equal(a.data(), a.data() + 32, b.data()));
}

TEST(Secret, FromHexReadsBytesInOrder) {
  auto secret = Secret::FromHex(kHex);
  ASSERT_TRUE(secret);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(secret->data()[i], i);
}

TEST(Secret, FromHexRefusesOtherLengthsDigitsAndThePlaceholder) {
  std::string hex = kHex;
  EXPECT_FALSE(Secret::FromHex(""));
  EXPECT_FALSE(Secret::FromHex(hex + "00"));
  EXPECT_FALSE(Secret::FromHex(hex.substr(2)));
  hex[63] = 'g';
  EXPECT_FALSE(Secret::FromHex(hex));
  auto zero = Secret::FromHex(std::string(64, '0'));
  ASSERT_FALSE(zero);
  EXPECT_EQ(zero.error().reason, "SECRET_UNUSABLE");
}

TEST(Secret, FileOfOwnerOnlyIsRead) {
  EXPECT_TRUE(Secret::FromFile(KeyFile(kHex, 0600).path()));
  EXPECT_TRUE(Secret::FromFile(KeyFile(std::string(kHex) + "\n", 0400).path()));
}

TEST(Secret, FileThatOthersMayTouchIsRefused) {
  for (mode_t mode : {0640U, 0604U, 0620U, 0700U, 0644U, 0660U}) {
    auto secret = Secret::FromFile(KeyFile(kHex, mode).path());
    ASSERT_FALSE(secret) << std::oct << mode;
    EXPECT_EQ(secret.error().reason, "SECRET_UNUSABLE");
  }
}

TEST(Secret, OnlyWeAndRootMayRead) {
  constexpr uid_t kUs = 65532;
  constexpr gid_t kOurs = 65532;
  const auto may = [&](uid_t owner, gid_t group, mode_t mode) {
    struct stat file {};
    file.st_uid = owner;
    file.st_gid = group;
    file.st_mode = S_IFREG | mode;
    return internal::OnlyWeMayRead(file, kUs, kOurs);
  };
  EXPECT_TRUE(may(kUs, 1, 0600));
  EXPECT_TRUE(may(kUs, 1, 0400));
  EXPECT_TRUE(may(0, kOurs, 0440));  // as Kubernetes mounts a Secret
  EXPECT_TRUE(may(0, kOurs, 0400));
  for (mode_t mode : {0640U, 0460U, 0444U, 0441U, 0540U, 0450U, 04440U, 0600U})
    EXPECT_FALSE(may(0, kOurs, mode)) << mode;
  EXPECT_FALSE(may(kUs, kOurs, 0440));  // ours, but the group may read
  EXPECT_FALSE(may(0, 1, 0440));        // another group
  EXPECT_FALSE(may(1, kOurs, 0440));    // another user
  EXPECT_FALSE(may(1, 1, 0600));
}

TEST(Secret, FileThatIsMissingADirectoryOrTooLongIsRefused) {
  EXPECT_FALSE(Secret::FromFile("/tmp/stafett-no-such-file"));
  EXPECT_FALSE(Secret::FromFile("/tmp"));
  EXPECT_FALSE(Secret::FromFile(KeyFile(std::string(kHex) + "\n\n\n", 0600).path()));
  EXPECT_FALSE(Secret::FromFile(KeyFile("", 0600).path()));
}

TEST(Secret, ErrorNeverRepeatsTheKey) {
  std::string wrong = std::string(kHex).substr(0, 60) + "zzzz";
  auto secret = Secret::FromFile(KeyFile(wrong, 0600).path());
  ASSERT_FALSE(secret);
  EXPECT_EQ(secret.error().message.find("0001020304"), std::string::npos);
}

TEST(Secret, DeriveSeparatesContextsAndKeys) {
  Secret key = *Secret::FromHex(kHex);
  Secret a = key.Derive("a");
  EXPECT_TRUE(a.Valid());
  EXPECT_TRUE(std::equal(a.data(), a.data() + 32, key.Derive("a").data()));
  EXPECT_FALSE(std::equal(a.data(), a.data() + 32, key.Derive("b").data()));
  EXPECT_FALSE(std::equal(a.data(), a.data() + 32, Secret::Random().Derive("a").data()));
}

// A keyed hash is stored and shown; it must never equal the key derived for the same text.
TEST(Secret, KeyedHashDoesNotPrintADerivedKey) {
  Secret key = *Secret::FromHex(kHex);
  auto from_hash = Secret::FromHex(KeyedHash(key, "context"));
  ASSERT_TRUE(from_hash);
  EXPECT_FALSE(std::equal(from_hash->data(), from_hash->data() + 32, key.Derive("context").data()));
}

TEST(SecretDeathTest, AKeyThatWasNeverSetStopsTheProcess) {
  EXPECT_DEATH(Seal(DataKey{"k-1", Secret()}, "text", "bound"), "never set");
  EXPECT_DEATH(KeyedHash(Secret(), "text"), "never set");
  EXPECT_DEATH(Secret().Derive("context"), "never set");
}

}  // namespace
}  // namespace stafett::seal
