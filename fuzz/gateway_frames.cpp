// Binary frames of gateway and client, raw and sealed with the right key.
#include "mix/gateway/frames.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(gateway_frames) {
  static const crypto::GcmSiv cipher{crypto::AesKey256{}};
  if (const auto pushed = gateway::open_push_frame(cipher, input)) {
    fuzz::require(pushed->size() < input.size(), "a push frame grew");
  }
  (void)gateway::open_packet_frame(cipher, input);
  const base::Bytes sealed = gateway::seal_push_frame(cipher, {}, input);
  const auto opened = gateway::open_push_frame(cipher, sealed);
  fuzz::require(opened && std::ranges::equal(*opened, input), "a push frame did not open");
  fuzz::require(
      !gateway::open_packet_frame(cipher, base::ByteView{sealed}.first(sealed.size() - 1)),
      "a frame opened that was cut");
}
