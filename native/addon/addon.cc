// The addon's edge: JavaScript values in, sessions out. No error object is made here: failures are numbers, and
// lib/session/binding.ts turns them into PremainErrors.
#include <fcntl.h>

#include "../ptrace/probe.h"
#include "host.h"

namespace premain {

namespace {

std::vector<std::string> strings(const Napi::Array& array) {
  std::vector<std::string> out;
  out.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) out.push_back(array.Get(i).ToString().Utf8Value());
  return out;
}

LaunchSpec launch_spec(const Napi::Object& from) {
  LaunchSpec spec;
  spec.file = from.Get("file").ToString().Utf8Value();
  spec.argv = strings(from.Get("argv").As<Napi::Array>());
  spec.env = strings(from.Get("env").As<Napi::Array>());
  if (const Napi::Value cwd = from.Get("cwd"); cwd.IsString()) spec.cwd = cwd.ToString().Utf8Value();
  const auto stdio = from.Get("stdio").As<Napi::Array>();
  for (uint32_t i = 0; i < 3; i++) spec.stdio[i] = stdio.Get(i).ToNumber().Int32Value();
  if (const Napi::Value limit = from.Get("openFiles"); limit.IsArray()) {
    const auto pair = limit.As<Napi::Array>();
    spec.open_files = rlimit{static_cast<rlim_t>(pair.Get(0u).ToNumber().Int64Value()),
                             static_cast<rlim_t>(pair.Get(1u).ToNumber().Int64Value())};
  }
  return spec;
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

  // new NativeSession(spec, plan, onRecords): spec.handOver lists descriptors that only the target needs.
  explicit SessionObject(const Napi::CallbackInfo& info) : ObjectWrap(info) {
    const auto spec = info[0].As<Napi::Object>();
    const auto bytes = info[1].As<Napi::Buffer<uint8_t>>();
    std::optional<Plan> plan = Plan::decode(bytes.Data(), bytes.Length());
    std::vector<Fd> handed_over;
    const auto fds = spec.Get("handOver").As<Napi::Array>();
    for (uint32_t i = 0; i < fds.Length(); i++) handed_over.emplace_back(fds.Get(i).ToNumber().Int32Value());
    if (!plan) return;  // started() says so
    host_ = std::make_shared<Host>(info.Env(), info[2].As<Napi::Function>(), launch_spec(spec), std::move(*plan),
                                   std::move(handed_over));
    info.Env().GetInstanceData<Sessions>()->add(host_);
    host_->start();
  }

  // A session that JavaScript has forgotten: nobody can resume its target.
  ~SessionObject() override {
    if (host_ && !host_->finished()) host_->session().control().kill_now();
  }

 private:
  // False where the plan did not decode: then no other method may be called.
  Napi::Value started(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), host_ != nullptr); }
  void post(const Napi::CallbackInfo& info) {
    Command command{static_cast<Command::Type>(info[0].ToNumber().Int32Value()), {}};
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
  void ref(const Napi::CallbackInfo& info) {
    if (!host_->finished()) host_->ref(info.Env());
  }
  void unref(const Napi::CallbackInfo& info) {
    if (!host_->finished()) host_->unref(info.Env());
  }

  std::shared_ptr<Host> host_;
};

// [read end, write end], close-on-exec; or -errno.
Napi::Value make_pipe(const Napi::CallbackInfo& info) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) == -1) return Napi::Number::New(info.Env(), -errno);
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, ends[0]);
  pair.Set(1u, ends[1]);
  return pair;
}

// Drops a file's pages from the page cache: 0, or -errno. Dirty pages cannot be dropped, so that they are written first:
// a program that has just been built is all dirty. Blocks for as long as the disk takes.
Napi::Value drop_cache(const Napi::CallbackInfo& info) {
  const std::string path = info[0].ToString().Utf8Value();
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
  exports.Set("pipe", Napi::Function::New<make_pipe>(env, "pipe"));
  exports.Set("probe", Napi::Function::New<probe_machine>(env, "probe"));
  exports.Set("dropCache", Napi::Function::New<drop_cache>(env, "dropCache"));
  return exports;
}

}  // namespace

NODE_API_MODULE(premain, init)

}  // namespace premain
