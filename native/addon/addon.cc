// The addon's edge: JavaScript values in, sessions out. No error object is made here: failures are numbers, and
// lib/session/binding.ts turns them into PremainErrors.
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <span>

#include "../ptrace/probe.h"
#include "sessions.h"

namespace premain {

namespace {

// Values out of JavaScript, by Node-API as it is: in a worker that is being terminated every call that may run JavaScript
// fails, coercions too, and the C++ wrapper makes a fatal error of using the empty value that they return. After a failure
// everything is empty and `ok` is false.
struct Reader {
  napi_env env;
  bool ok = true;

  bool keep(napi_status status) { return ok = ok && status == napi_ok; }
  bool is(napi_value value, napi_valuetype wanted) {
    napi_valuetype type = napi_undefined;
    return ok && keep(napi_typeof(env, value, &type)) && type == wanted;
  }
  std::string text(napi_value value) {
    size_t size = 0;
    if (!ok || !keep(napi_get_value_string_utf8(env, value, nullptr, 0, &size))) return {};
    std::string text(size, 0);
    keep(napi_get_value_string_utf8(env, value, text.data(), size + 1, &size));
    return text;
  }
  // Every string of "string NUL string NUL".
  std::vector<std::string> texts(napi_value value) {
    const std::string block = text(value);
    std::vector<std::string> out;
    for (size_t at = 0; at < block.size(); at += out.back().size() + 1) out.emplace_back(block.c_str() + at);
    return out;
  }
  std::span<const double> numbers(napi_value array) {
    napi_typedarray_type type = napi_int8_array;
    size_t count = 0;
    void* data = nullptr;
    if (!ok || !keep(napi_get_typedarray_info(env, array, &type, &count, &data, nullptr, nullptr))) return {};
    ok = type == napi_float64_array;
    return ok ? std::span(static_cast<const double*>(data), count) : std::span<const double>();
  }
};

// Of a session's numbers: whether another launch follows, the limits of open files and the standard descriptors. Descriptors
// to hand over come behind.
constexpr size_t kFixedNumbers = 6;

// The caller may close a descriptor as soon as it has been told that the launch is under way.
void keep_open(LaunchSpec& spec, std::vector<Fd>& handed_over) {
  std::map<int, int> kept{{-1, -1}};
  for (const Fd& fd : handed_over) kept[fd.get()] = fd.get();
  for (int& fd : spec.stdio) {
    const auto [known, first] = kept.try_emplace(fd, fd);
    const int copy = first ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (copy >= 0) handed_over.emplace_back(known->second = copy);
    fd = known->second;
  }
}

class SessionObject : public Napi::ObjectWrap<SessionObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "NativeSession",
                       {
                           InstanceMethod<&SessionObject::started>("started"),
                           InstanceMethod<&SessionObject::post>("post"),
                           InstanceMethod<&SessionObject::kill_now>("killNow"),
                           InstanceMethod<&SessionObject::held>("held"),
                           InstanceMethod<&SessionObject::read_memory>("readMemory"),
                           InstanceMethod<&SessionObject::maps>("maps"),
                           InstanceMethod<&SessionObject::ref>("ref"),
                           InstanceMethod<&SessionObject::unref>("unref"),
                       });
  }

  // As lib/session/binding.ts declares it. One by one and in blocks: each value of an object or an array is a call of its own.
  explicit SessionObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto bytes = info[5].As<Napi::Buffer<uint8_t>>();
    std::optional<Plan> plan = Plan::decode(bytes.Data(), bytes.Length());
    Reader from{info.Env()};
    LaunchSpec spec;
    spec.file = from.text(info[0]);
    spec.argv = from.texts(info[1]);
    spec.env = from.text(info[2]);
    if (from.is(info[3], napi_string)) spec.cwd = from.text(info[3]);
    const std::span<const double> numbers = from.numbers(info[4]);
    if (!plan || !from.ok || numbers.size() < kFixedNumbers) return;  // started() says so
    spec.followed = numbers[0] != 0;
    if (numbers[1] >= 0) spec.open_files = rlimit{static_cast<rlim_t>(numbers[1]), static_cast<rlim_t>(numbers[2])};
    std::ranges::copy(numbers.subspan(3, 3), spec.stdio);
    std::vector<Fd> handed_over;
    for (const double fd : numbers.subspan(kFixedNumbers)) {
      info.Env().GetInstanceData<Sessions>()->release(static_cast<int>(fd));
      handed_over.emplace_back(static_cast<int>(fd));
    }
    keep_open(spec, handed_over);
    napi_ref callback = nullptr;
    if (napi_create_reference(info.Env(), info[6], 1, &callback) != napi_ok) return;
    host_ = std::make_shared<Host>(callback, std::move(spec), std::move(*plan), std::move(handed_over));
    started_ = info.Env().GetInstanceData<Sessions>()->start(info.Env(), host_);
  }

  // A session that JavaScript has forgotten: nobody can resume its target.
  ~SessionObject() override {
    if (!host_) return;
    if (host_->served()) host_->session().control().kill_now();
    host_->drop_callback(Env());
  }

 private:
  // False where the plan did not decode, or the environment is going away: then no other method may be called.
  Napi::Value started(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), started_); }
  void post(const Napi::CallbackInfo& info) {
    Command command{static_cast<Command::Type>(info[0].As<Napi::Number>().Int32Value()), {}};
    if (info[1].IsBuffer()) {
      const auto plan = info[1].As<Napi::Buffer<uint8_t>>();
      command.plan.assign(plan.Data(), plan.Data() + plan.Length());
    }
    host_->session().control().post(std::move(command));
  }
  void kill_now(const Napi::CallbackInfo&) { host_->session().control().kill_now(); }
  Napi::Value held(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), host_->session().control().held());
  }
  // Bytes read into the given buffer, or -1 when the target is not held.
  Napi::Value read_memory(const Napi::CallbackInfo& info) {
    bool lossless = false;
    const uint64_t address = info[0].As<Napi::BigInt>().Uint64Value(&lossless);
    auto out = info[1].As<Napi::Buffer<uint8_t>>();
    const int64_t n = host_->session().read_memory(address, out.Data(), out.Length());
    return Napi::Number::New(info.Env(), static_cast<double>(n));
  }
  Napi::Value maps(const Napi::CallbackInfo& info) {
    Bytes text;
    if (!host_->session().read_maps(text)) return info.Env().Null();
    return Napi::Buffer<uint8_t>::Copy(info.Env(), text.data(), text.size());
  }
  void ref(const Napi::CallbackInfo& info) { host_->ref(info.Env()); }
  void unref(const Napi::CallbackInfo& info) { host_->unref(info.Env()); }

  std::shared_ptr<Host> host_;
  bool started_ = false;
};

// [read end, write end], close-on-exec; or -errno. They are closed with the environment, until they are released or
// handed over.
Napi::Value make_pipe(const Napi::CallbackInfo& info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) return Napi::Number::New(info.Env(), -errno);
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  for (uint32_t i = 0; i < 2; i++) {
    info.Env().GetInstanceData<Sessions>()->keep(ends[i]);
    // Fails in a worker that is being terminated: nobody is to see the pair.
    (void)napi_set_element(info.Env(), pair, i, Napi::Number::New(info.Env(), ends[i]));
  }
  return pair;
}

// Closes a pipe's end that make_pipe made.
void close_pipe(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  info.Env().GetInstanceData<Sessions>()->release(fd);
  close(fd);
}

// Bytes read, or -errno: EAGAIN where there is nothing to be had at once.
Napi::Value read_into(const Napi::CallbackInfo& info) {
  auto out = info[1].As<Napi::Buffer<uint8_t>>();
  pollfd source{info[0].As<Napi::Number>().Int32Value(), POLLIN, 0};
  const int ready = poll(&source, 1, 0);
  if (ready == 0) return Napi::Number::New(info.Env(), -EAGAIN);
  const ssize_t n = ready == 1 ? read(source.fd, out.Data(), out.Length()) : -1;
  return Napi::Number::New(info.Env(), n == -1 ? -errno : static_cast<double>(n));
}

void release(const Napi::CallbackInfo& info) {
  info.Env().GetInstanceData<Sessions>()->release(info[0].As<Napi::Number>().Int32Value());
}

// Whether the path still leads to the file of this identity: device, inode, size, times of the last modification and the
// last change in nanoseconds. Node's own stat takes 50 µs of a launch, where little of its code is in a cache. If so, a launch
// is about to follow.
Napi::Value expect_launch(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const auto identity = info[1].As<Napi::BigInt64Array>();
  const auto nanoseconds = [](const timespec& time) { return time.tv_sec * int64_t{1000000000} + time.tv_nsec; };
  struct stat seen;
  if (stat(path.c_str(), &seen) == -1) return Napi::Boolean::New(info.Env(), false);
  const int64_t now[] = {static_cast<int64_t>(seen.st_dev), static_cast<int64_t>(seen.st_ino), seen.st_size,
                         nanoseconds(seen.st_mtim), nanoseconds(seen.st_ctim)};
  const bool same =
      identity.ElementLength() == std::size(now) && std::ranges::equal(now, std::span(identity.Data(), std::size(now)));
  if (same) info.Env().GetInstanceData<Sessions>()->expect();
  return Napi::Boolean::New(info.Env(), same);
}

// Drops a file's pages from the page cache: 0, or -errno. Dirty pages cannot be dropped, so that they are written first:
// a program that has just been built is all dirty. Blocks for as long as the disk takes.
Napi::Value drop_cache(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file || fdatasync(file.get()) == -1) return Napi::Number::New(info.Env(), -errno);
  // posix_fadvise returns the error instead of setting errno.
  return Napi::Number::New(info.Env(), -posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED));
}

// [[name, errno], …], errno 0 for what works; -errno where no thread can be had. Blocks for some milliseconds.
Napi::Value probe_machine(const Napi::CallbackInfo& info) {
  std::vector<Attempt> attempts;
  pthread_t thread;
  const int error = pthread_create(
      &thread, nullptr,
      [](void* out) -> void* {
        *static_cast<std::vector<Attempt>*>(out) = probe();
        return nullptr;
      },
      &attempts);
  if (error != 0) return Napi::Number::New(info.Env(), -error);
  pthread_join(thread, nullptr);
  Napi::Array list = Napi::Array::New(info.Env(), attempts.size());
  for (uint32_t i = 0; i < attempts.size(); i++) {
    Napi::Array pair = Napi::Array::New(info.Env(), 2);
    pair.Set(0u, attempts[i].name);
    pair.Set(1u, attempts[i].error);
    list.Set(i, pair);
  }
  return list;
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Sessions(env));
  exports.Set("NativeSession", SessionObject::define(env));
  exports.Set("read", Napi::Function::New<read_into>(env, "read"));
  exports.Set("release", Napi::Function::New<release>(env, "release"));
  exports.Set("closePipe", Napi::Function::New<close_pipe>(env, "closePipe"));
  exports.Set("pipe", Napi::Function::New<make_pipe>(env, "pipe"));
  exports.Set("probe", Napi::Function::New<probe_machine>(env, "probe"));
  exports.Set("expectLaunch", Napi::Function::New<expect_launch>(env, "expectLaunch"));
  exports.Set("dropCache", Napi::Function::New<drop_cache>(env, "dropCache"));
  return exports;
}

}  // namespace

NODE_API_MODULE(premain, init)

}  // namespace premain
