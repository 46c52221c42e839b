#include "host.h"

#include <iterator>

#include "tracer_thread.h"

namespace premain {

// Of a thread that has left its last session `thread_` speaks no more: it is set by JavaScript's thread, between sessions.
void Host::deliver(Bytes records, bool last) { thread_->send({shared_from_this(), std::move(records), last}); }

void Host::ref(napi_env env) {
  if (thread_ != nullptr) napi_ref_threadsafe_function(env, thread_->to_js());
}

void Host::unref(napi_env env) {
  if (thread_ != nullptr) napi_unref_threadsafe_function(env, thread_->to_js());
}

// Node-API as it is, not by its C++ wrapper: in a worker that is being terminated every call may fail, and the wrapper
// would make a fatal error of that.
void Host::call(napi_env env, napi_value batch, bool last) {
  napi_value callback = nullptr;
  napi_value receiver = nullptr;
  if (callback_ == nullptr || napi_get_reference_value(env, callback_, &callback) != napi_ok || callback == nullptr)
    return;
  napi_value arguments[] = {batch, nullptr};
  if (napi_get_undefined(env, &receiver) != napi_ok || napi_get_boolean(env, last, &arguments[1]) != napi_ok) return;
  if (napi_call_function(env, receiver, callback, std::size(arguments), arguments, nullptr) != napi_pending_exception)
    return;
  // An uncaught exception, but not the end of what is still to be called.
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
}

void Host::drop_callback(napi_env env) {
  if (callback_ != nullptr) napi_delete_reference(env, std::exchange(callback_, nullptr));
}

}  // namespace premain
