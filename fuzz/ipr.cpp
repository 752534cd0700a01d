// Messages, frames and bundles of the exit.
#include "mix/ipr/bundle.h"
#include "mix/ipr/frame.h"
#include "mix/ipr/messages.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(ipr) {
  if (const auto request = ipr::decode_request(input)) {
    const auto again = ipr::decode_request(ipr::encode(*request));
    fuzz::require(again && *again == *request, "a request changed");
  }
  if (const auto response = ipr::decode_response(input)) {
    const auto again = ipr::decode_response(ipr::encode(*response));
    fuzz::require(again && *again == *response, "a response changed");
  }
  for (const auto layout : {ipr::ResponseLayout::kWithMtu, ipr::ResponseLayout::kWithoutMtu}) {
    (void)ipr::decode_response(input, layout);
  }
  (void)ipr::decode_frame(input);
  if (const auto frame = ipr::decode_stream_frame(input)) {
    const base::Bytes bytes = ipr::encode_stream_frame(*frame);
    const auto again = ipr::decode_stream_frame(bytes);
    fuzz::require(again && again->stream_id == frame->stream_id &&
                      again->sequence == frame->sequence &&
                      std::ranges::equal(again->payload, frame->payload),
                  "a stream frame changed");
  }
  const auto unbundled = ipr::unbundle(input);
  base::Bytes bundle;
  ipr::PacketQueue queue;
  for (const base::ByteView packet : unbundled.packets) {
    ipr::append_to_bundle(bundle, packet);
    (void)queue.push(packet);
  }
  fuzz::require(bundle.size() + unbundled.left_over == input.size() &&
                    std::equal(bundle.begin(), bundle.end(), input.begin()),
                "a bundle changed");
  while (queue.pop_bundle()) {
  }
  fuzz::require(queue.empty() && queue.size() == 0, "packets stay behind");
}
