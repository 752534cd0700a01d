// Stable texts of the enums that cross to the page.
#include "mix/tunnel/host.h"

namespace mix::tunnel {

std::string_view state_name(State state) {
  switch (state) {
    case State::kConnecting:
      return "connecting";
    case State::kReady:
      return "ready";
    case State::kShuttingDown:
      return "shutting_down";
    case State::kShutdown:
      return "shutdown";
    case State::kFailed:
      return "failed";
  }
  return "failed";
}

std::string_view step_name(Step step) {
  switch (step) {
    case Step::kKeys:
      return "keys";
    case Step::kDirectory:
      return "directory";
    case Step::kGateway:
      return "gateway";
    case Step::kRegister:
      return "register";
    case Step::kTopology:
      return "topology";
    case Step::kExit:
      return "exit";
    case Step::kReady:
      return "ready";
  }
  return "ready";
}

std::string_view phase_name(Phase phase) {
  switch (phase) {
    case Phase::kSetup:
      return "setup";
    case Phase::kDns:
      return "dns";
    case Phase::kConnect:
      return "connect";
    case Phase::kTls:
      return "tls";
    case Phase::kRequest:
      return "request";
    case Phase::kResponse:
      return "response";
  }
  return "request";
}

}  // namespace mix::tunnel
