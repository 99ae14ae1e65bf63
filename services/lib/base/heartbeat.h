// A loop says that it goes round, whoever listens (lib/telemetry's Health, put in by lib/host).
//
//   thread_ = std::thread([this, beat = BeatOf(beats, "watch")] { Run(beat); });
//
// A beat belongs to one thread, which calls it on every round and at least once a second while it waits. When the last
// copy of it goes, the loop has ended and nobody misses it: so only the thread keeps it.
#pragma once

#include <functional>
#include <string>

namespace stafett {

using Beat = std::function<void()>;
using Beats = std::function<Beat(const std::string& loop)>;  // stable words of ours: operators read them

inline Beat BeatOf(const Beats& beats, const std::string& loop) {
  return beats ? beats(loop) : [] {};
}

}  // namespace stafett
