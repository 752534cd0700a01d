/* lwIP's view of the compiler, and what the port (mix::net, or the tests' peer) must define. */
#ifndef MIX_LWIP_ARCH_CC_H
#define MIX_LWIP_ARCH_CC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A number from the engine's Rng: ports, sequence numbers, identifiers. */
uint32_t mix_lwip_rand(void);

/* Ends the program's use of lwIP: an invariant is broken. Must not return. */
void mix_lwip_assert_failed(const char* message) __attribute__((noreturn));

struct tcp_pcb;
struct tcp_hdr;

/* 0 when lwIP may process the segment for the connection (or listener) `pcb`, other values drop it.
 * The options lie behind `header`: `first_size` bytes there, the rest of `options_size` at `more`. */
int8_t mix_lwip_check_segment(struct tcp_pcb* pcb, const struct tcp_hdr* header,
                              uint16_t options_size, uint16_t first_size, const uint8_t* more);

#ifdef __cplusplus
}
#endif

#define LWIP_RAND() mix_lwip_rand()

/* No text output: log lines could tell addresses. */
#define LWIP_PLATFORM_DIAG(x) \
  do {                        \
  } while (0)
#define LWIP_PLATFORM_ASSERT(x) mix_lwip_assert_failed(x)

#endif
