/* The other end of the wire: a second copy of lwIP, with hidden symbols, that plays the Internet.
 *
 * It owns every address, so any destination reaches it: TCP ports it listens on accept for all
 * addresses, UDP ports likewise. One instance a process, driven like the stack under test: packets
 * in, packets out, time as an argument. Nothing calls back; look after each packet. Native only.
 * For C++ there is internet.h. */
#ifndef MIX_TESTS_LWIP_PEER_H
#define MIX_TESTS_LWIP_PEER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  int version;       /* 4 or 6 */
  uint8_t bytes[16]; /* 4 or 16 of them count, network order */
  uint16_t port;
} lwip_peer_endpoint;

typedef enum {
  LWIP_PEER_OPEN,   /* both directions */
  LWIP_PEER_ENDED,  /* the client has sent its end; writing still works */
  LWIP_PEER_CLOSED, /* both ends were sent and acknowledged, or the handle is unknown */
  LWIP_PEER_RESET   /* by the client, or it no longer answers */
} lwip_peer_state;

/* `seed` decides sequence numbers; `mtu` bounds segments. */
void lwip_peer_start(uint32_t seed, uint16_t mtu);
/* Forgets all connections without telling anyone. */
void lwip_peer_stop(void);

void lwip_peer_receive(const uint8_t* packet, size_t size, uint64_t now_ms);
/* Size of the next packet, written to `out` (at least 65535 bytes); 0 when there is none. */
size_t lwip_peer_poll_output(uint8_t* out);
/* When lwip_peer_expire wants to be called; -1: never. */
int64_t lwip_peer_next_deadline_ms(void);
void lwip_peer_expire(uint64_t now_ms);

/* --- TCP servers ------------------------------------------------------------------------------ */

void lwip_peer_listen(uint16_t port);
/* New clients get a reset from now on; accepted ones stay. */
void lwip_peer_unlisten(uint16_t port);
/* Handle of the oldest client not yet taken, or 0. `local` is the address that it connected to. */
int lwip_peer_accept(uint16_t port, lwip_peer_endpoint* local, lwip_peer_endpoint* remote);

lwip_peer_state lwip_peer_connection_state(int connection);
size_t lwip_peer_readable(int connection);
/* Reading opens the window. */
size_t lwip_peer_read(int connection, uint8_t* out, size_t capacity);
size_t lwip_peer_writable(int connection);
size_t lwip_peer_write(int connection, const uint8_t* bytes, size_t size);
size_t lwip_peer_unacknowledged(int connection);
/* Largest payload that this end puts into a segment. */
uint16_t lwip_peer_segment_size(int connection);
/* Ends the sending direction. */
void lwip_peer_shutdown(int connection);
/* Ends in the background what is still open and frees the handle. */
void lwip_peer_close(int connection);
/* Sends a reset and frees the handle. */
void lwip_peer_abort(int connection);

/* --- UDP -------------------------------------------------------------------------------------- */

void lwip_peer_udp_bind(uint16_t port);
/* Size of the oldest datagram (at most `capacity` are copied), or -1. `local` is where it was sent.
 */
int lwip_peer_udp_receive(uint16_t port, uint8_t* out, size_t capacity, lwip_peer_endpoint* local,
                          lwip_peer_endpoint* remote);
/* `local` may be any address and port: a forged source is part of the tests. */
void lwip_peer_udp_send(const lwip_peer_endpoint* local, const lwip_peer_endpoint* remote,
                        const uint8_t* bytes, size_t size);

#ifdef __cplusplus
}
#endif

#endif
