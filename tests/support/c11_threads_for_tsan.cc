// librdkafka makes its threads with C11 thrd_create, which gcc 12's TSan does not know: such a
// thread crashes in the first intercepted call. Defined here, in the executable, these win over
// glibc's and go through pthreads, which TSan does know; so it also sees librdkafka's locks.
// glibc's C11 types are its pthread types under another name. Linked into TSan test binaries only.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <memory>

namespace {

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

struct Start {
  thrd_start_t run;
  void* argument;
};

extern "C" void* RunC11Thread(void* raw) {
  const std::unique_ptr<Start> start(static_cast<Start*>(raw));
  return reinterpret_cast<void*>(static_cast<long>(start->run(start->argument)));
}

int Result(int error) {
  if (error == 0) return thrd_success;
  if (error == EBUSY) return thrd_busy;
  if (error == ETIMEDOUT) return thrd_timedout;
  return thrd_error;
}
pthread_mutex_t* Of(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* Of(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t run, void* argument) {
  auto start = std::make_unique<Start>(Start{run, argument});
  const int error = pthread_create(thread, nullptr, RunC11Thread, start.get());
  if (error == 0) (void)start.release();
  return Result(error);
}

int thrd_join(thrd_t thread, int* result) {
  void* value = nullptr;
  const int error = pthread_join(thread, &value);
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<long>(value));
  return Result(error);
}

int thrd_detach(thrd_t thread) { return Result(pthread_detach(thread)); }

int mtx_init(mtx_t* mutex, int type) noexcept {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((type & mtx_recursive) != 0) {
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  }
  return Result(pthread_mutex_init(Of(mutex), &attributes));
}
int mtx_lock(mtx_t* mutex) { return Result(pthread_mutex_lock(Of(mutex))); }
int mtx_trylock(mtx_t* mutex) { return Result(pthread_mutex_trylock(Of(mutex))); }
int mtx_unlock(mtx_t* mutex) noexcept { return Result(pthread_mutex_unlock(Of(mutex))); }
void mtx_destroy(mtx_t* mutex) noexcept { pthread_mutex_destroy(Of(mutex)); }

int cnd_init(cnd_t* condition) noexcept { return Result(pthread_cond_init(Of(condition), nullptr)); }
int cnd_signal(cnd_t* condition) noexcept { return Result(pthread_cond_signal(Of(condition))); }
int cnd_broadcast(cnd_t* condition) noexcept { return Result(pthread_cond_broadcast(Of(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) { return Result(pthread_cond_wait(Of(condition), Of(mutex))); }
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return Result(pthread_cond_timedwait(Of(condition), Of(mutex), until));
}
void cnd_destroy(cnd_t* condition) noexcept { pthread_cond_destroy(Of(condition)); }

}  // extern "C"
