// Callers of any gRPC service. It knows no proto: a plan says which bytes go where.
//
//   load --target HOST:PORT --plan FILE --out FILE (--callers N | --rate R) (--seconds S | --once) [--answers]
//
// Plan: a call each, of lines `call /package.Service/Method`, any number of `with KEY VALUE` (metadata), `body HEX`, an
// empty line. Where a body contains the request_id 00000000-0000-4000-8000-000000000000, each sending puts a new one.
// Calls are sent in the order of the plan, and from its beginning again until the time is over; with --once each one
// time.
//
// --callers N: that many callers, each sends its next call when the last is answered; caller i takes calls i, i+N, i+2N
// of the plan, so that no two work on one child (with --once, whoever is free takes the next). --rate R: R calls a
// second at even intervals, whether answered or not; a call's time counts from when it was due, so that a stall is not
// hidden (coordinated omission).
//
// Out: a line per call: `due ns since 1970`, `ns it took`, `index in plan`, `gRPC code`, and with --answers in hex the
// answer, or what was said instead of one. Exit 1 if the plan is wrong; refusals are for the reader to judge.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr char kPlaceholder[] = "00000000-0000-4000-8000-000000000000";
constexpr std::chrono::seconds kDeadline{10};
constexpr std::size_t kMostInFlight = 5000;  // of --rate: behind it, due calls wait, and their time runs

struct Planned {
  std::string method;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string body;
  std::size_t id_at = std::string::npos;
};

std::string FromHex(const std::string& hex) {
  std::string out;
  out.reserve(hex.size() / 2);
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

std::vector<Planned> ReadPlan(const std::string& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("no plan " + file);
  std::vector<Planned> plan;
  Planned next;
  std::string line;
  while (std::getline(in, line)) {
    if (line.rfind("call ", 0) == 0) {
      next.method = line.substr(5);
    } else if (line.rfind("with ", 0) == 0) {
      const auto space = line.find(' ', 5);
      next.metadata.emplace_back(line.substr(5, space - 5), line.substr(space + 1));
    } else if (line.rfind("body ", 0) == 0) {
      next.body = FromHex(line.substr(5));
    } else if (line.empty()) {
      next.id_at = next.body.find(kPlaceholder);
      plan.push_back(std::exchange(next, {}));
    } else {
      throw std::runtime_error("plan: neither call, with nor body: " + line.substr(0, 20));
    }
  }
  if (plan.empty()) throw std::runtime_error("an empty plan");
  return plan;
}

std::string NewUuid() {
  static thread_local std::mt19937_64 random{std::random_device{}()};
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id = kPlaceholder;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (id[i] == '0' && i != 14) id[i] = kHex[random() & 15U];
  }
  return id;
}

struct Done {
  std::int64_t due_ns = 0, took_ns = 0;
  std::size_t index = 0;
  int code = 0;
  std::string answer;
};

class Load {
 public:
  Load(std::vector<Planned> plan, const std::string& target, bool answers)
      : plan_(std::move(plan)),
        answers_(answers),
        stub_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())) {}

  // Calls `then` when it is answered.
  void Send(std::size_t index, Clock::time_point due, std::function<void()> then) {
    struct OneCall {
      grpc::ClientContext context;
      grpc::ByteBuffer request, answer;
    };
    const auto& planned = plan_[index];
    {
      const std::lock_guard lock(mutex_);
      ++in_flight_;
    }
    // It counts until nothing of it is left: whoever sees the last one end destroys all of this, and gRPC with it. gRPC
    // lets go of a call only behind its callback.
    std::shared_ptr<OneCall> call(new OneCall, [this](OneCall* ended) {
      delete ended;  // NOLINT(cppcoreguidelines-owning-memory)
      const std::lock_guard lock(mutex_);
      --in_flight_;
      quiet_.notify_all();
    });
    auto body = planned.body;
    if (planned.id_at != std::string::npos) body.replace(planned.id_at, sizeof(kPlaceholder) - 1, NewUuid());
    const grpc::Slice slice(body);
    call->request = grpc::ByteBuffer(&slice, 1);
    for (const auto& [key, value] : planned.metadata) call->context.AddMetadata(key, value);
    call->context.set_deadline(std::chrono::system_clock::now() + kDeadline);
    stub_.UnaryCall(&call->context, planned.method, {}, &call->request, &call->answer,
                    [this, call, index, due, then = std::move(then)](const grpc::Status& status) {
                      Note(index, due, status, call->answer);
                      then();
                    });
  }

  void ByCallers(std::size_t callers, Clock::time_point until) {
    callers = std::min(callers, plan_.size());
    for (std::size_t i = 0; i < callers; ++i) Next(i, callers, i, until);
    Quiet();
  }

  void Once(std::size_t callers) {
    for (std::size_t i = 0; i < std::min(callers, plan_.size()); ++i) NextOfAll();
    Quiet();
  }

  void ByRate(double rate, Clock::time_point until, bool once) {
    const auto begin = Clock::now();
    for (std::size_t n = 0; !once || n < plan_.size(); ++n) {
      const auto due = begin + std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 * static_cast<double>(n) / rate));
      if (due >= until) break;
      std::this_thread::sleep_until(due);
      {
        std::unique_lock lock(mutex_);
        quiet_.wait(lock, [this] { return in_flight_ < kMostInFlight; });
      }
      Send(n % plan_.size(), due, [] {});
    }
    Quiet();
  }

  void Write(const std::string& file) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::ofstream out(file);
    for (const auto& d : done_) {
      out << d.due_ns << ' ' << d.took_ns << ' ' << d.index << ' ' << d.code;
      if (answers_) out << ' ';
      for (const unsigned char c : d.answer) out << kHex[c >> 4U] << kHex[c & 15U];
      out << '\n';
    }
  }

 private:
  // The next call of one caller: of those that are his, in turn.
  void Next(std::size_t caller, std::size_t callers, std::size_t index, Clock::time_point until) {
    if (Clock::now() >= until) return;
    Send(index, Clock::now(), [=, this] {
      const auto next = index + callers;
      Next(caller, callers, next < plan_.size() ? next : caller, until);
    });
  }

  void NextOfAll() {
    const auto index = next_++;
    if (index < plan_.size()) Send(index, Clock::now(), [this] { NextOfAll(); });
  }

  void Note(std::size_t index, Clock::time_point due, const grpc::Status& status, grpc::ByteBuffer& answer) {
    const auto now = Clock::now();
    const auto wall = std::chrono::system_clock::now() - (now - due);
    Done d{std::chrono::duration_cast<std::chrono::nanoseconds>(wall.time_since_epoch()).count(),
           std::chrono::nanoseconds(now - due).count(),
           index,
           static_cast<int>(status.error_code()),
           {}};
    if (answers_ && !status.ok()) {
      d.answer = status.error_message();
    } else if (answers_) {
      std::vector<grpc::Slice> slices;
      answer.Dump(&slices);
      for (const auto& s : slices) d.answer.append(reinterpret_cast<const char*>(s.begin()), s.size());
    }
    const std::lock_guard lock(mutex_);
    done_.push_back(std::move(d));
  }

  void Quiet() {
    std::unique_lock lock(mutex_);
    quiet_.wait(lock, [this] { return in_flight_ == 0; });
  }

  std::vector<Planned> plan_;
  bool answers_;
  grpc::GenericStub stub_;
  std::size_t in_flight_ = 0;         // guarded by mutex_, as is done_
  std::atomic<std::size_t> next_{0};  // of --once
  std::mutex mutex_;
  std::condition_variable quiet_;
  std::vector<Done> done_;
};

}  // namespace

int main(int argc, char** argv) {
  std::string target, plan, out;
  std::size_t callers = 1;
  double rate = 0, seconds = 3600;
  bool answers = false, once = false;
  CLI::App app("Callers of a gRPC service");
  app.add_option("--target", target)->required();
  app.add_option("--plan", plan)->required();
  app.add_option("--out", out)->required();
  app.add_option("--callers", callers);
  app.add_option("--rate", rate);
  app.add_option("--seconds", seconds);
  app.add_flag("--once", once);
  app.add_flag("--answers", answers);
  CLI11_PARSE(app, argc, argv);
  try {
    Load load(ReadPlan(plan), target, answers);
    const auto until = Clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    if (rate > 0) {
      load.ByRate(rate, until, once);
    } else if (once) {
      load.Once(callers);
    } else {
      load.ByCallers(callers, until);
    }
    load.Write(out);
  } catch (const std::exception& error) {
    std::cerr << "load: " << error.what() << "\n";
    return 1;
  }
  return 0;
}
