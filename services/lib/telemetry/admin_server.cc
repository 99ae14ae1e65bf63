#include "lib/telemetry/admin_server.h"

#include <civetweb.h>

#include <array>
#include <atomic>
#include <chrono>
#include <string_view>
#include <thread>

#include "lib/telemetry/json_text.h"

namespace stafett::telemetry {
namespace {

constexpr int kNotReady = 503;

struct Answer {
  int status = 200;
  const char* type = "application/json";
  std::string body;
};

int Send(mg_connection* connection, const Answer& answer) {
  const mg_request_info* request = mg_get_request_info(connection);
  const std::string_view method = request->request_method;
  const bool allowed = method == "GET" || method == "HEAD";
  const char* status = answer.status == kNotReady ? "503 Service Unavailable" : "200 OK";
  mg_printf(connection,
            "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
            "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
            allowed ? status : "405 Method Not Allowed", answer.type, allowed ? answer.body.size() : 0);
  if (method == "GET") mg_write(connection, answer.body.data(), answer.body.size());
  return allowed ? answer.status : 405;
}

Answer Readiness(const Health& health) {
  // One look decides both the status and the list, so that they never contradict each other.
  const std::vector<Check> checks = health.Checks();
  bool ready = !checks.empty();
  std::string failing;
  for (const Check& check : checks) {
    if (check.ok) continue;
    ready = false;
    if (!failing.empty()) failing += ',';
    failing += R"({"name":)";
    AppendJsonText(failing, check.name);
    failing += R"(,"reason":)";
    AppendJsonText(failing, check.reason);
    failing += '}';
  }
  Answer answer;
  answer.status = ready ? 200 : kNotReady;
  answer.body = std::string(R"({"ready":)") + (ready ? "true" : "false") + R"(,"failing":[)" + failing + "]}\n";
  return answer;
}

Answer Liveness(const Health& health) {
  std::string stalled;
  std::string loops;
  for (const LoopState& loop : health.Loops()) {
    if (!loops.empty()) loops += ',';
    loops += R"({"name":)";
    AppendJsonText(loops, loop.name);
    loops += R"(,"age_ms":)" + std::to_string(loop.age.count()) + '}';
    if (!loop.stalled) continue;
    if (!stalled.empty()) stalled += ',';
    AppendJsonText(stalled, loop.name);
  }
  Answer answer;
  answer.status = stalled.empty() ? 200 : kNotReady;
  answer.body = std::string(R"({"live":)") + (stalled.empty() ? "true" : "false") + R"(,"stalled":[)" + stalled +
                R"(],"loops":[)" + loops + "]}\n";
  return answer;
}

}  // namespace

struct AdminServer::State {
  const Metrics& metrics;
  const Health& health;
  mg_context* context = nullptr;
  std::string host;  // to reach ourselves at
  int port = 0;
};

AdminServer::AdminServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& listen, const Metrics& metrics,
                                                        const Health& health) {
  // localhost is what people write, and the one name that civetweb, which knows only numbers,
  // lacks.
  constexpr std::string_view kLocalhost = "localhost:";
  const std::string address = listen.starts_with(kLocalhost) ? "127.0.0.1:" + listen.substr(kLocalhost.size()) : listen;
  // Two threads: a scrape that hangs must not hide the liveness probe.
  std::array<const char*, 9> options = {"listening_ports",
                                        address.c_str(),
                                        "num_threads",
                                        "2",
                                        "request_timeout_ms",
                                        "5000",
                                        "enable_keep_alive",
                                        "no",
                                        nullptr};
  mg_callbacks callbacks{};
  // civetweb would print to stderr, where only JSON lines belong.
  callbacks.log_message = [](const mg_connection*, const char*) { return 1; };
  const std::string host = address.substr(0, address.rfind(':'));
  const bool everywhere = host == "0.0.0.0" || host == "[::]";
  auto state =
      std::unique_ptr<State>(new State{metrics, health, nullptr, everywhere ? std::string("127.0.0.1") : host, 0});
  state->context = mg_start(&callbacks, nullptr, options.data());
  if (state->context == nullptr) {
    return Fail(Code::kUnavailable, "ADMIN_LISTEN",
                "admin_listen: cannot listen on " + listen + " (taken, or no such address)");
  }
  mg_server_port bound{};
  if (mg_get_server_ports(state->context, 1, &bound) == 1) state->port = bound.port;

  const auto handle = [&](const char* path, mg_request_handler handler) {
    mg_set_request_handler(state->context, path, handler, state.get());
  };
  // "$" ends the match: "/metrics/x" is not "/metrics".
  handle("/metrics$", [](mg_connection* c, void* s) {
    const auto* self = static_cast<State*>(s);
    return Send(c, {200, "text/plain; version=0.0.4; charset=utf-8", self->metrics.Text()});
  });
  handle("/readyz$", [](mg_connection* c, void* s) { return Send(c, Readiness(static_cast<State*>(s)->health)); });
  handle("/livez$", [](mg_connection* c, void* s) { return Send(c, Liveness(static_cast<State*>(s)->health)); });
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(state)));
}

AdminServer::~AdminServer() {
  // civetweb's listener looks up only every two seconds, or when somebody knocks: so we knock.
  std::atomic<bool> stopped = false;
  std::thread knocking([&] {
    while (!stopped) {
      char error[64];
      mg_connection* knock = mg_connect_client(state_->host.c_str(), state_->port, 0, error, sizeof(error));
      if (knock != nullptr) mg_close_connection(knock);
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  });
  mg_stop(state_->context);
  stopped = true;
  knocking.join();
}

int AdminServer::port() const { return state_->port; }

}  // namespace stafett::telemetry
