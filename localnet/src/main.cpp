// The program: options to a Network, its addresses to standard output, signals to its end.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "mix/crypto/system_rng.h"
#include "mix/localnet/network.h"

namespace {

using mix::localnet::Network;
using mix::localnet::NetworkConfig;
using mix::localnet::SiteConfig;

constexpr std::uint16_t kSiteDirectoryPort = 8000;
constexpr std::chrono::seconds kPatience{3};  // then it tells why the directory is missing

struct Options {
  NetworkConfig network;
  SiteConfig site;
  std::string role;
  double epoch_seconds = 3600;
  std::vector<std::string> maps;
  std::string policy_file;
  std::vector<std::string> outbound;
  std::string exit_version;
  bool port_given = false;
  bool allow_local = false;
  bool refuse_ipr_v10 = false;
  bool refuse_surbs_v1 = false;
  bool refuse_claims = false;
  bool refuse_registrations = false;
  bool exits_without_entry = false;
  bool distinct_addresses = false;
  bool frames_v8 = false;
  bool json = false;
  bool exit_with_stdin = false;
};

void add_options(CLI::App& app, Options& options) {
  NetworkConfig& network = options.network;
  app.add_option("--port", network.directory_port,
                 "Port of the directory and the admin interface; 0 takes a free one (default 0, "
                 "with --role directory 8000)");
  app.add_option("--gateways", network.gateways, "Entry gateways")->capture_default_str();
  app.add_option("--mixes-per-layer", network.mixes_per_layer, "Mix nodes in each of 3 layers")
      ->capture_default_str();
  app.add_option("--exits", network.exits,
                 "Exit gateways with an IP packet router; they are entries too")
      ->capture_default_str();
  app.add_flag("--exits-without-entry", options.exits_without_entry,
               "Exits are no entries: no WebSocket, not in the list of entry gateways");
  app.add_flag("--distinct-addresses", options.distinct_addresses,
               "Every node on its own address 127.0.0.2, 127.0.0.3, ...");
  app.add_flag("--frames-v8", options.frames_v8,
               "Nodes tell one another the key rotation (frame version 8 instead of 7)");

  SiteConfig& site = options.site;
  app.add_option("--role", options.role,
                 "This process is one role of a network of several: directory, gateway, mix, exit")
      ->group("One role")
      ->check(CLI::IsMember({"directory", "gateway", "mix", "exit"}));
  app.add_option("--address", site.address, "Listen on this IP address, and tell it to the others")
      ->group("One role")
      ->capture_default_str();
  app.add_option("--directory", site.directory_url,
                 "URL of the directory's process, e.g. http://10.0.0.1:8000/api")
      ->group("One role")
      ->type_name("URL");
  app.add_option("--layer", site.layer, "Layer of a mix")
      ->group("One role")
      ->check(CLI::Range(1, 3));
  app.add_option("--mix-port", site.mix_port, "Port of a node for other nodes; 0 takes a free one")
      ->group("One role")
      ->capture_default_str();
  app.add_option("--ws-port", site.ws_port, "Port of a gateway for clients; 0 takes a free one")
      ->group("One role")
      ->capture_default_str();
  app.add_option("--admin-address", site.admin_address,
                 "Address of admin interface, /metrics and status page; whoever reaches it may "
                 "break the network")
      ->group("One role")
      ->capture_default_str();
  app.add_option("--admin-port", site.admin_port, "Their port; 0 takes a free one")
      ->group("One role")
      ->capture_default_str();

  app.add_option("--map", options.maps,
                 "Send packets for A elsewhere: A=B, e.g. 8.8.8.8:53=127.0.0.1:5353, "
                 "203.0.113.0/24:*=127.0.0.1:*, [2001:db8::1]:443=[::1]:8443; repeatable")
      ->group("Exit")
      ->type_name("A=B");
  app.add_flag("--allow-local", options.allow_local,
               "Let clients reach loopback and private destinations")
      ->group("Exit");
  app.add_option("--outbound", options.outbound,
                 "Source address of what leaves the exits, e.g. 127.0.0.2; once per family")
      ->group("Exit")
      ->type_name("IP");
  app.add_option("--policy", options.policy_file,
                 "File with the exit policy: lines \"accept|reject pattern:ports\"; default: "
                 "accept all")
      ->group("Exit")
      ->check(CLI::ExistingFile);
  app.add_option("--mtu", network.exit.router.mtu, "MTU that exits tell and use")
      ->group("Exit")
      ->capture_default_str()
      ->check(CLI::Range(1280, 1500));
  app.add_flag("--refuse-ipr-v10", options.refuse_ipr_v10,
               "Exits drop version 10 requests in silence, as older releases do")
      ->group("Exit");
  app.add_flag("--refuse-surbs-v1", options.refuse_surbs_v1,
               "Exits refuse messages with reply SURBs of the older form (Sphinx 258), as release "
               "2.0 does")
      ->group("Exit");
  app.add_option("--exit-version", options.exit_version,
                 "Build version that exits announce; clients try IPR v10 from 1.37.0 on")
      ->group("Exit")
      ->default_str(network.exit_build_version);

  app.add_option("--epoch-seconds", options.epoch_seconds, "Length of an epoch")
      ->group("Clock")
      ->capture_default_str()
      ->check(CLI::Range(0.05, 1e7));
  app.add_option("--rotation-epochs", network.epochs.rotation_epochs,
                 "Epochs for which a Sphinx key is the primary one")
      ->group("Clock")
      ->capture_default_str()
      ->check(CLI::Range(2, 1000000));

  app.add_option("--claim-bytes", network.gateway.claim_bytes,
                 "What a free bandwidth claim adds, in bytes")
      ->group("Entry")
      ->capture_default_str();
  app.add_option("--initial-bytes", network.gateway.initial_bytes,
                 "Bandwidth of a newly registered client, in bytes")
      ->group("Entry")
      ->capture_default_str();
  app.add_flag("--refuse-claims", options.refuse_claims, "Gateways grant no free bandwidth")
      ->group("Entry");
  app.add_flag("--refuse-registrations", options.refuse_registrations,
               "Gateways take no new clients")
      ->group("Entry");

  app.add_flag("--json", options.json, "Print the addresses as one line of JSON when ready")
      ->group("Program");
  app.add_flag("--exit-with-stdin", options.exit_with_stdin,
               "End when standard input does, for parents that may die")
      ->group("Program");
}

std::string read_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::invalid_argument("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Throws std::invalid_argument with a sentence for the user.
SiteConfig to_site(const Options& options) {
  SiteConfig site = options.site;
  const bool is_directory = options.role == "directory";
  if (options.role == "gateway") site.role = SiteConfig::Role::kEntry;
  if (options.role == "mix") site.role = SiteConfig::Role::kMix;
  if (options.role == "exit") site.role = SiteConfig::Role::kExit;
  if (!is_directory && site.directory_url.empty()) {
    throw std::invalid_argument("--role " + options.role + " needs --directory URL");
  }
  if ((site.role == SiteConfig::Role::kMix) != (site.layer != 0)) {
    throw std::invalid_argument("--layer belongs to --role mix, and only there");
  }
  return site;
}

/// Throws std::invalid_argument with a sentence for the user.
NetworkConfig to_config(const Options& options) {
  NetworkConfig config = options.network;
  if (!options.role.empty()) {
    config.site = to_site(options);
    if (config.directory_port == 0 && !options.port_given) {
      config.directory_port = kSiteDirectoryPort;
    }
  }
  config.epochs.epoch = std::chrono::duration_cast<mix::base::Duration>(
      std::chrono::duration<double>(options.epoch_seconds));
  if (options.exits_without_entry) config.exit_entries = NetworkConfig::ExitEntries::kNo;
  if (options.distinct_addresses) config.addresses = NetworkConfig::Addresses::kDistinct;
  if (options.frames_v8) config.frame_version = mix::sphinx::FrameVersion::kWithRotation;
  if (options.refuse_claims) config.gateway.claims = mix::localnet::Claims::kRefused;
  if (options.refuse_registrations) {
    config.gateway.registrations = mix::localnet::Registrations::kRefused;
  }
  if (config.gateway.claim_bytes < 0 || config.gateway.initial_bytes < 0) {
    throw std::invalid_argument("bytes cannot be negative");
  }
  for (const std::string& map : options.maps) config.exit.nat.map.add(map);
  if (options.allow_local) {
    config.exit.router.local = mix::localnet::LocalDestinations::kAllowed;
  }
  if (options.refuse_ipr_v10) config.exit.router.newest = mix::localnet::NewestVersion::k9;
  if (options.refuse_surbs_v1) {
    config.exit.traffic.read_surb_lists = mix::mixnet::ReadSurbLists::kVersion2;
  }
  if (!options.policy_file.empty()) {
    config.exit.router.policy = mix::localnet::ExitPolicy::parse(read_file(options.policy_file));
  }
  config.exit.nat.mtu = config.exit.router.mtu;
  for (const std::string& text : options.outbound) {
    const auto address = mix::localnet::IpAddress::parse(text);
    if (!address) throw std::invalid_argument("--outbound: not an IP address: " + text);
    auto& nat = config.exit.nat;
    (address->family == mix::localnet::Family::kV4 ? nat.outbound_v4 : nat.outbound_v6) = *address;
  }
  if (!options.exit_version.empty()) config.exit_build_version = options.exit_version;
  return config;
}

void print(const Network& network, bool json) {
  if (json) {
    std::cout << network.description() << std::endl;
    return;
  }
  const auto& addresses = network.addresses();
  std::cout << "directory  " << addresses.directory_url << "\n"
            << "admin      " << addresses.admin_url << "\n";
  for (const auto& entry : addresses.entries) {
    std::cout << "entry      " << entry.url << "  " << entry.identity << "\n";
  }
  for (const auto& mix : addresses.mixes) {
    std::cout << "mix " << static_cast<int>(mix.layer) << "      " << mix.address << "  "
              << mix.identity << "\n";
  }
  for (const auto& exit : addresses.exits) std::cout << "exit       " << exit.ipr_address << "\n";
  const std::string base = addresses.admin_url.substr(0, addresses.admin_url.rfind('/'));
  std::cout << "status     " << base << "/\n"
            << "metrics    " << base << "/metrics\n";
  std::cout << "ready; SIGINT or SIGTERM ends it" << std::endl;
}

/// Calls `ended` when standard input reaches its end.
class StdinWatch {
 public:
  StdinWatch(boost::asio::io_context& io, std::function<void()> ended)
      : input_(io, ::dup(STDIN_FILENO)), ended_(std::move(ended)) {
    read();
  }
  void stop() {
    boost::system::error_code ignored;
    std::ignore = input_.close(ignored);
  }

 private:
  void read() {
    input_.async_read_some(boost::asio::buffer(buffer_),
                           [this](boost::system::error_code error, std::size_t) {
                             if (error == boost::asio::error::operation_aborted) return;
                             if (error) return ended_();
                             read();
                           });
  }

  boost::asio::posix::stream_descriptor input_;
  std::function<void()> ended_;
  std::array<char, 256> buffer_{};
};

int run(const Options& options) {
  // Declared before the io_context, which destroys handlers that refer to them.
  mix::crypto::SystemRng rng;
  boost::asio::io_context io(1);
  Network network(io, to_config(options), rng);

  std::unique_ptr<StdinWatch> watch;
  boost::asio::steady_timer patience(io);
  boost::asio::signal_set signals(io, SIGINT, SIGTERM);
  const auto end = [&] {
    boost::system::error_code ignored;
    std::ignore = signals.cancel(ignored);
    if (watch) watch->stop();
    patience.cancel();
    network.stop();
    io.stop();
  };
  signals.async_wait([&end](boost::system::error_code error, int) {
    if (!error) end();
  });
  if (options.exit_with_stdin) watch = std::make_unique<StdinWatch>(io, end);

  // A node without its directory waits; it should say for what.
  const std::function<void()> complain = [&] {
    patience.expires_after(kPatience);
    patience.async_wait([&](boost::system::error_code error) {
      if (error) return;
      const std::string problem = network.problem();
      std::cerr << "mix-localnet: waiting for the directory"
                << (problem.empty() ? "" : ": " + problem) << std::endl;
      complain();
    });
  };
  complain();
  network.when_ready([&] {
    patience.cancel();
    print(network, options.json);
  });
  io.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  // A peer that is gone shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  Options options;
  CLI::App app{
      "mix-localnet: a mixnet on loopback. Directory, entry gateways, mix nodes and exits in one "
      "process, or (--role) one of them on its own address; wire-compatible with the Nym network's "
      "clients. For tests and development: it keeps no state and offers no anonymity."};
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  options.port_given = app.count("--port") > 0;
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << "mix-localnet: " << error.what() << "\n";
    return 1;
  }
}
