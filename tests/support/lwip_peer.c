#include "lwip_peer.h"

#include <lwip/init.h>
#include <lwip/ip.h>
#include <lwip/netif.h>
#include <lwip/pbuf.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/tcp.h>
#include <lwip/udp.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CONNECTIONS = 1024, MAX_PORTS = 32, MAX_WINDOW_UPDATE = 64 * 1024, REORDER_MS = 150 };

typedef struct packet {
  struct packet* next;
  size_t size;
  uint8_t bytes[];
} packet;

typedef struct {
  packet* first;
  packet* last;
} packet_queue;

typedef struct {
  int in_use; /* the handle belongs to the test */
  int accepted;
  uint16_t port;
  struct tcp_pcb* pcb; /* NULL once lwIP freed it or no longer tells */
  lwip_peer_endpoint local, remote;
  int ended, shut_down, was_reset;
  uint64_t duplicates_since;
  uint8_t* received; /* [read_at, received_size) waits for the test */
  size_t read_at, received_size, received_capacity;
} connection_slot;

typedef struct datagram {
  struct datagram* next;
  lwip_peer_endpoint local, remote;
  size_t size;
  uint8_t bytes[];
} datagram;

typedef struct {
  uint16_t port;
  struct udp_pcb* pcb;
  datagram *first, *last;
} udp_slot;

typedef struct {
  uint16_t port;
  struct tcp_pcb* pcb;
} listen_slot;

static struct netif interface;
static int running;
static uint32_t random_state;
static uint64_t now;
static uint64_t ticked;
static packet_queue output;
static connection_slot connections[MAX_CONNECTIONS];
static listen_slot listeners[MAX_PORTS];
static udp_slot udp_ports[MAX_PORTS];

/* --- lwIP's port ------------------------------------------------------------------------------ */

uint32_t sys_now(void) { return (uint32_t)now; }

uint32_t mix_lwip_rand(void) {
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state;
}

void mix_lwip_assert_failed(const char* message) {
  (void)message;
  abort();
}

/* As today's servers do (RFC 8985), takes duplicate acknowledgements for a loss only when they have
 * gone on for a while; lwIP's own third one would make every download behind mixes crawl. */
int8_t mix_lwip_check_segment(struct tcp_pcb* pcb, const struct tcp_hdr* header,
                              uint16_t options_size, uint16_t first_size, const uint8_t* more) {
  (void)header, (void)options_size, (void)first_size, (void)more;
  if (pcb->state == LISTEN || pcb->state == TIME_WAIT || pcb->callback_arg == NULL) return ERR_OK;
  connection_slot* slot = pcb->callback_arg;
  if (pcb->dupacks == 0) slot->duplicates_since = now;
  if (pcb->dupacks == 2 && now - slot->duplicates_since < REORDER_MS) pcb->dupacks = 1;
  return ERR_OK;
}

/* --- Helpers ---------------------------------------------------------------------------------- */

static void check(int condition) {
  if (!condition) abort();
}

static ip_addr_t to_lwip(const lwip_peer_endpoint* endpoint) {
  ip_addr_t out;
  memset(&out, 0, sizeof out);
  if (endpoint->version == 4) {
    IP_SET_TYPE_VAL(out, IPADDR_TYPE_V4);
    memcpy(&ip_2_ip4(&out)->addr, endpoint->bytes, 4);
  } else {
    IP_SET_TYPE_VAL(out, IPADDR_TYPE_V6);
    memcpy(ip_2_ip6(&out)->addr, endpoint->bytes, 16);
  }
  return out;
}

static lwip_peer_endpoint from_lwip(const ip_addr_t* address, uint16_t port) {
  lwip_peer_endpoint out;
  memset(&out, 0, sizeof out);
  out.port = port;
  if (IP_IS_V4(address)) {
    out.version = 4;
    memcpy(out.bytes, &ip_2_ip4(address)->addr, 4);
  } else {
    out.version = 6;
    memcpy(out.bytes, ip_2_ip6(address)->addr, 16);
  }
  return out;
}

static err_t emit(struct pbuf* p) {
  packet* made = malloc(sizeof *made + p->tot_len);
  check(made != NULL);
  made->next = NULL;
  made->size = p->tot_len;
  pbuf_copy_partial(p, made->bytes, p->tot_len, 0);
  if (output.last != NULL) {
    output.last->next = made;
  } else {
    output.first = made;
  }
  output.last = made;
  return ERR_OK;
}

static err_t output4(struct netif* netif, struct pbuf* p, const ip4_addr_t* to) {
  (void)netif, (void)to;
  return emit(p);
}

static err_t output6(struct netif* netif, struct pbuf* p, const ip6_addr_t* to) {
  (void)netif, (void)to;
  return emit(p);
}

static err_t init_interface(struct netif* netif) {
  netif->name[0] = 'p';
  netif->name[1] = 'r';
  netif->output = output4;
  netif->output_ip6 = output6;
  return ERR_OK;
}

static connection_slot* find(int handle) {
  if (handle < 1 || handle > MAX_CONNECTIONS || !connections[handle - 1].in_use) return NULL;
  return &connections[handle - 1];
}

static connection_slot* find_live(int handle) {
  connection_slot* slot = find(handle);
  return slot != NULL && slot->pcb != NULL ? slot : NULL;
}

static void detach(connection_slot* slot) {
  struct tcp_pcb* pcb = slot->pcb;
  slot->pcb = NULL;
  tcp_arg(pcb, NULL);
  tcp_recv(pcb, NULL);
  tcp_err(pcb, NULL);
}

static void free_slot(connection_slot* slot) {
  free(slot->received);
  memset(slot, 0, sizeof *slot);
}

/* --- Callbacks: only note --------------------------------------------------------------------- */

static err_t on_received(void* arg, struct tcp_pcb* pcb, struct pbuf* p, err_t err) {
  connection_slot* slot = arg;
  (void)pcb, (void)err;
  if (p == NULL) {
    slot->ended = 1;
    /* lwIP frees the block after TIME-WAIT without telling. */
    if (slot->shut_down) detach(slot);
    return ERR_OK;
  }
  if (slot->received_size + p->tot_len > slot->received_capacity) {
    const size_t waiting = slot->received_size - slot->read_at;
    if (waiting != 0) memmove(slot->received, slot->received + slot->read_at, waiting);
    slot->read_at = 0;
    slot->received_size = waiting;
    slot->received_capacity = 2 * (waiting + p->tot_len);
    slot->received = realloc(slot->received, slot->received_capacity);
    check(slot->received != NULL);
  }
  pbuf_copy_partial(p, slot->received + slot->received_size, p->tot_len, 0);
  slot->received_size += p->tot_len;
  pbuf_free(p);
  return ERR_OK;
}

static void on_gone(void* arg, err_t err) {
  connection_slot* slot = arg;
  slot->pcb = NULL;
  if (err != ERR_CLSD) slot->was_reset = 1;
}

static err_t on_accepted(void* arg, struct tcp_pcb* pcb, err_t err) {
  (void)arg;
  if (err != ERR_OK || pcb == NULL) return ERR_VAL;
  for (int i = 0; i < MAX_CONNECTIONS; ++i) {
    connection_slot* slot = &connections[i];
    if (slot->in_use) continue;
    memset(slot, 0, sizeof *slot);
    slot->in_use = 1;
    slot->port = pcb->local_port;
    slot->pcb = pcb;
    slot->local = from_lwip(&pcb->local_ip, pcb->local_port);
    slot->remote = from_lwip(&pcb->remote_ip, pcb->remote_port);
    tcp_arg(pcb, slot);
    tcp_recv(pcb, on_received);
    tcp_err(pcb, on_gone);
    tcp_nagle_disable(pcb);
    /* lwIP asserts that segments never shrink, but halves them for a small first window. */
    if (pcb->snd_wnd_max < 2u * pcb->mss) pcb->snd_wnd_max = 2u * pcb->mss;
    return ERR_OK;
  }
  return ERR_MEM;
}

static void on_datagram(void* arg, struct udp_pcb* pcb, struct pbuf* p, const ip_addr_t* from,
                        u16_t port) {
  udp_slot* slot = arg;
  datagram* made = malloc(sizeof *made + p->tot_len);
  check(made != NULL);
  made->next = NULL;
  made->size = p->tot_len;
  made->local = from_lwip(ip_current_dest_addr(), pcb->local_port);
  made->remote = from_lwip(from, port);
  pbuf_copy_partial(p, made->bytes, p->tot_len, 0);
  pbuf_free(p);
  if (slot->last != NULL) {
    slot->last->next = made;
  } else {
    slot->first = made;
  }
  slot->last = made;
}

/* --- Life and packets ------------------------------------------------------------------------- */

void lwip_peer_start(uint32_t seed, uint16_t mtu) {
  static int initialised;
  check(!running);
  running = 1;
  random_state = seed != 0 ? seed : 1;
  now = ticked = 0;
  if (!initialised) lwip_init();
  initialised = 1;
  check(netif_add(&interface, NULL, NULL, NULL, NULL, init_interface, ip_input) != NULL);
  interface.mtu = mtu;
  netif_set_default(&interface);
  netif_set_link_up(&interface);
  netif_set_up(&interface);
}

void lwip_peer_stop(void) {
  check(running);
  for (int i = 0; i < MAX_CONNECTIONS; ++i) {
    if (connections[i].pcb != NULL) detach(&connections[i]);
    free_slot(&connections[i]);
  }
  while (tcp_active_pcbs != NULL) tcp_abandon(tcp_active_pcbs, 0);
  while (tcp_tw_pcbs != NULL) tcp_abandon(tcp_tw_pcbs, 0);
  for (int i = 0; i < MAX_PORTS; ++i) {
    if (listeners[i].pcb != NULL) tcp_close(listeners[i].pcb);
    listeners[i].pcb = NULL;
    udp_slot* slot = &udp_ports[i];
    if (slot->pcb != NULL) udp_remove(slot->pcb);
    while (slot->first != NULL) {
      datagram* first = slot->first;
      slot->first = first->next;
      free(first);
    }
    memset(slot, 0, sizeof *slot);
  }
  while (output.first != NULL) {
    packet* first = output.first;
    output.first = first->next;
    free(first);
  }
  output.last = NULL;
  netif_remove(&interface);
  running = 0;
}

static int has_timers(void) { return tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL; }

void lwip_peer_expire(uint64_t now_ms) {
  if (now_ms > now) now = now_ms;
  while (ticked + TCP_TMR_INTERVAL <= now) {
    if (!has_timers()) {
      ticked = now; /* nobody was counting */
      return;
    }
    ticked += TCP_TMR_INTERVAL;
    tcp_tmr();
  }
}

/* The interface takes on the address that the packet goes to. */
static void become_destination(const uint8_t* bytes, size_t size) {
  lwip_peer_endpoint self;
  memset(&self, 0, sizeof self);
  if (size >= 20 && bytes[0] >> 4 == 4) {
    self.version = 4;
    memcpy(self.bytes, bytes + 16, 4);
    interface.ip_addr = to_lwip(&self);
  } else if (size >= 40 && bytes[0] >> 4 == 6) {
    self.version = 6;
    memcpy(self.bytes, bytes + 24, 16);
    interface.ip6_addr[0] = to_lwip(&self);
    interface.ip6_addr_state[0] = IP6_ADDR_PREFERRED;
  }
}

void lwip_peer_receive(const uint8_t* bytes, size_t size, uint64_t now_ms) {
  lwip_peer_expire(now_ms);
  if (size == 0 || size > 0xffff) return;
  become_destination(bytes, size);
  struct pbuf* p = pbuf_alloc(PBUF_RAW, (u16_t)size, PBUF_RAM);
  check(p != NULL);
  pbuf_take(p, bytes, (u16_t)size);
  if (interface.input(p, &interface) != ERR_OK) pbuf_free(p);
}

size_t lwip_peer_poll_output(uint8_t* out) {
  packet* first = output.first;
  if (first == NULL) return 0;
  output.first = first->next;
  if (output.first == NULL) output.last = NULL;
  const size_t size = first->size;
  memcpy(out, first->bytes, size);
  free(first);
  return size;
}

int64_t lwip_peer_next_deadline_ms(void) {
  return has_timers() ? (int64_t)(ticked + TCP_TMR_INTERVAL) : -1;
}

/* --- TCP -------------------------------------------------------------------------------------- */

void lwip_peer_listen(uint16_t port) {
  for (int i = 0; i < MAX_PORTS; ++i) {
    if (listeners[i].pcb != NULL && listeners[i].port == port) return;
  }
  for (int i = 0; i < MAX_PORTS; ++i) {
    if (listeners[i].pcb != NULL) continue;
    struct tcp_pcb* pcb = tcp_new_ip_type(IPADDR_TYPE_ANY);
    check(pcb != NULL && tcp_bind(pcb, IP_ANY_TYPE, port) == ERR_OK);
    listeners[i].port = port;
    listeners[i].pcb = tcp_listen(pcb);
    check(listeners[i].pcb != NULL);
    tcp_accept(listeners[i].pcb, on_accepted);
    return;
  }
  abort();
}

void lwip_peer_unlisten(uint16_t port) {
  for (int i = 0; i < MAX_PORTS; ++i) {
    if (listeners[i].pcb == NULL || listeners[i].port != port) continue;
    tcp_close(listeners[i].pcb);
    listeners[i].pcb = NULL;
  }
}

int lwip_peer_accept(uint16_t port, lwip_peer_endpoint* local, lwip_peer_endpoint* remote) {
  for (int i = 0; i < MAX_CONNECTIONS; ++i) {
    connection_slot* slot = &connections[i];
    if (!slot->in_use || slot->accepted || slot->port != port) continue;
    slot->accepted = 1;
    if (local != NULL) *local = slot->local;
    if (remote != NULL) *remote = slot->remote;
    return i + 1;
  }
  return 0;
}

lwip_peer_state lwip_peer_connection_state(int connection) {
  connection_slot* slot = find(connection);
  if (slot == NULL) return LWIP_PEER_CLOSED;
  if (slot->was_reset) return LWIP_PEER_RESET;
  if (slot->pcb == NULL) return LWIP_PEER_CLOSED;
  return slot->ended ? LWIP_PEER_ENDED : LWIP_PEER_OPEN;
}

size_t lwip_peer_readable(int connection) {
  connection_slot* slot = find(connection);
  return slot != NULL ? slot->received_size - slot->read_at : 0;
}

size_t lwip_peer_read(int connection, uint8_t* out, size_t capacity) {
  connection_slot* slot = find(connection);
  if (slot == NULL) return 0;
  const size_t n = LWIP_MIN(capacity, slot->received_size - slot->read_at);
  if (n == 0) return 0;
  memcpy(out, slot->received + slot->read_at, n);
  slot->read_at += n;
  if (slot->pcb != NULL && !slot->ended) {
    for (size_t left = n; left != 0;) {
      const u16_t step = (u16_t)LWIP_MIN(left, 0xffff);
      tcp_recved(slot->pcb, step);
      left -= step;
    }
    if (slot->pcb->rcv_nxt + slot->pcb->rcv_wnd - slot->pcb->rcv_ann_right_edge >=
        MAX_WINDOW_UPDATE) {
      tcp_ack_now(slot->pcb);
      tcp_output(slot->pcb);
    }
  }
  return n;
}

size_t lwip_peer_writable(int connection) {
  connection_slot* slot = find_live(connection);
  if (slot == NULL || slot->shut_down || tcp_sndqueuelen(slot->pcb) >= TCP_SND_QUEUELEN) return 0;
  return slot->pcb->snd_buf;
}

size_t lwip_peer_write(int connection, const uint8_t* bytes, size_t size) {
  connection_slot* slot = find_live(connection);
  if (slot == NULL) return 0;
  size = LWIP_MIN(size, lwip_peer_writable(connection));
  size_t taken = 0;
  while (taken < size) {
    const size_t piece = LWIP_MIN(size - taken, 16384);
    if (tcp_write(slot->pcb, bytes + taken, (u16_t)piece, TCP_WRITE_FLAG_COPY) != ERR_OK) break;
    taken += piece;
  }
  tcp_output(slot->pcb);
  return taken;
}

size_t lwip_peer_unacknowledged(int connection) {
  connection_slot* slot = find_live(connection);
  return slot != NULL ? TCP_SND_BUF - slot->pcb->snd_buf : 0;
}

uint16_t lwip_peer_segment_size(int connection) {
  connection_slot* slot = find_live(connection);
  return slot != NULL ? slot->pcb->mss : 0;
}

void lwip_peer_shutdown(int connection) {
  connection_slot* slot = find_live(connection);
  if (slot == NULL || slot->shut_down) return;
  slot->shut_down = 1;
  tcp_shutdown(slot->pcb, 0, 1);
}

void lwip_peer_close(int connection) {
  connection_slot* slot = find(connection);
  if (slot == NULL) return;
  struct tcp_pcb* pcb = slot->pcb;
  if (pcb != NULL) {
    detach(slot);
    tcp_close(pcb); /* a reset when something was left unread */
  }
  free_slot(slot);
}

void lwip_peer_abort(int connection) {
  connection_slot* slot = find(connection);
  if (slot == NULL) return;
  struct tcp_pcb* pcb = slot->pcb;
  if (pcb != NULL) {
    detach(slot);
    tcp_abort(pcb);
  }
  free_slot(slot);
}

/* --- UDP -------------------------------------------------------------------------------------- */

void lwip_peer_udp_bind(uint16_t port) {
  for (int i = 0; i < MAX_PORTS; ++i) {
    if (udp_ports[i].pcb != NULL && udp_ports[i].port == port) return;
  }
  for (int i = 0; i < MAX_PORTS; ++i) {
    udp_slot* slot = &udp_ports[i];
    if (slot->pcb != NULL) continue;
    slot->port = port;
    slot->pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
    check(slot->pcb != NULL && udp_bind(slot->pcb, IP_ANY_TYPE, port) == ERR_OK);
    udp_recv(slot->pcb, on_datagram, slot);
    return;
  }
  abort();
}

int lwip_peer_udp_receive(uint16_t port, uint8_t* out, size_t capacity, lwip_peer_endpoint* local,
                          lwip_peer_endpoint* remote) {
  for (int i = 0; i < MAX_PORTS; ++i) {
    udp_slot* slot = &udp_ports[i];
    datagram* first = slot->first;
    if (slot->pcb == NULL || slot->port != port || first == NULL) continue;
    slot->first = first->next;
    if (slot->first == NULL) slot->last = NULL;
    const int size = (int)first->size;
    memcpy(out, first->bytes, LWIP_MIN(first->size, capacity));
    if (local != NULL) *local = first->local;
    if (remote != NULL) *remote = first->remote;
    free(first);
    return size;
  }
  return -1;
}

void lwip_peer_udp_send(const lwip_peer_endpoint* local, const lwip_peer_endpoint* remote,
                        const uint8_t* bytes, size_t size) {
  struct udp_pcb* pcb = udp_new_ip_type(IPADDR_TYPE_ANY);
  check(pcb != NULL);
  pcb->local_port = local->port; /* unbound: it only sends */
  struct pbuf* p = pbuf_alloc(PBUF_TRANSPORT, (u16_t)size, PBUF_RAM);
  check(p != NULL);
  if (size != 0) pbuf_take(p, bytes, (u16_t)size);
  const ip_addr_t from = to_lwip(local);
  const ip_addr_t to = to_lwip(remote);
  udp_sendto_if_src(pcb, p, &to, remote->port, &interface, &from);
  pbuf_free(p);
  udp_remove(pcb);
}
