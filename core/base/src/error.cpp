#include "mix/base/error.h"

namespace mix::base {
namespace {

struct Row {
  Errc code;
  ErrorClass error_class;
  std::string_view name;
  std::string_view api_code;
  std::string_view sentence;
};

constexpr Row kRows[] = {
#define MIX_ERROR(number, name, error_class, api_code, sentence) \
  {Errc::name, ErrorClass::error_class, #name, api_code, sentence},
#include "mix/base/errors.def"
#undef MIX_ERROR
};

const Row& row_of(Errc code) {
  const Row* found = &kRows[0];
  for (const Row& row : kRows) {
    if (row.code == Errc::internal_error) found = &row;
    if (row.code == code) return row;
  }
  return *found;
}

}  // namespace

ErrorClass error_class(Errc code) { return row_of(code).error_class; }
std::string_view error_name(Errc code) { return row_of(code).name; }
std::string_view api_code(Errc code) { return row_of(code).api_code; }
std::string_view error_sentence(Errc code) { return row_of(code).sentence; }

std::string_view class_name(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::usage:
      return "usage";
    case ErrorClass::config:
      return "config";
    case ErrorClass::network:
      return "network";
    case ErrorClass::gateway:
      return "gateway";
    case ErrorClass::mixnet:
      return "mixnet";
    case ErrorClass::exit:
      return "exit";
    case ErrorClass::dns:
      return "dns";
    case ErrorClass::tls:
      return "tls";
    case ErrorClass::http:
      return "http";
    case ErrorClass::websocket:
      return "websocket";
    case ErrorClass::timeout:
      return "timeout";
    case ErrorClass::aborted:
      return "aborted";
    case ErrorClass::internal:
      return "internal";
  }
  return "internal";
}

std::string describe(const Error& error) {
  std::string text{error_sentence(error.code)};
  // Some sentences have a place for the context.
  constexpr std::string_view kPlace = "{}";
  if (const std::size_t place = text.find(kPlace); place != std::string::npos) {
    return text.replace(place, kPlace.size(), error.context.empty() ? "?" : error.context);
  }
  if (error.context.empty()) return text;
  // A remark in brackets belongs to the sentence: "too many redirects (>5)".
  text.append(error.context.front() == '(' ? " " : ": ").append(error.context);
  return text;
}

}  // namespace mix::base
