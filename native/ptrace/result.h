// The outcome of a system call: a value, or an errno with the call's name. Never a bare string, never an exception.
#pragma once

#include <cerrno>
#include <utility>
#include <variant>

namespace premain {

struct Failure {
  int error;
  const char* syscall;
};

template <class T = std::monostate>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}
  Result(Failure failure) : state_(failure) {}

  explicit operator bool() const { return std::holds_alternative<T>(state_); }
  T& operator*() { return *std::get_if<T>(&state_); }
  T* operator->() { return std::get_if<T>(&state_); }
  const Failure& failure() const { return *std::get_if<Failure>(&state_); }

 private:
  std::variant<T, Failure> state_;
};

using Status = Result<>;

inline Status ok() { return std::monostate{}; }
inline Failure failed(const char* syscall) { return Failure{errno, syscall}; }

}  // namespace premain
