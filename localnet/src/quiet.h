// Socket calls whose failure changes nothing: the connection is on its way out, or merely slower.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <tuple>

namespace mix::localnet {

template <class Closable>
void close_quietly(Closable& closable) {
  boost::system::error_code ignored;
  std::ignore = closable.close(ignored);
}

inline void shutdown_send_quietly(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  std::ignore = socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

/// Small frames must not wait for one another.
inline void set_no_delay(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code ignored;
  std::ignore = socket.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
}

}  // namespace mix::localnet
