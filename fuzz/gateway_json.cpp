// Control messages of the gateway protocol: what is read is written and read again as the same.
#include "mix/gateway/messages.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(gateway_json) {
  const std::string_view text = base::as_text(input);
  if (const auto request = gateway::decode_request(text)) {
    const auto again = gateway::decode_request(gateway::encode_request(*request));
    fuzz::require(again && again->index() == request->index(), "a request changed its kind");
  }
  if (const auto response = gateway::decode_response(text)) {
    const auto again = gateway::decode_response(gateway::encode_response(*response));
    fuzz::require(again && *again == *response, "a response changed");
  }
  if (const auto request = gateway::decode_sensitive_request(input)) {
    const auto again =
        gateway::decode_sensitive_request(gateway::encode_sensitive_request(*request));
    fuzz::require(again && *again == *request, "a sensitive request changed");
  }
  (void)gateway::decode_sensitive_response(input);
}
