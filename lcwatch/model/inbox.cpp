#include "lcwatch/model/inbox.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <iterator>
#include <system_error>

namespace lc::watch {
namespace {

std::size_t bytes_of(const PacketsCame& came) {
  std::size_t bytes = 0;
  for (const PacketRow& packet : came.packets) bytes += packet.bytes ? packet.bytes->size() : 0;
  return bytes;
}

/// The latest ones stay.
void shorten(PacketsCame& came, std::size_t most) {
  came.packets.erase(came.packets.begin(), came.packets.end() - static_cast<std::ptrdiff_t>(most));
}

}  // namespace

Inbox::Inbox() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw std::system_error(errno, std::generic_category(), "cannot make an eventfd");
}

void Inbox::push(Update update) {
  const bool first = queue_.with([&](Queue& queue) {
    const bool was_empty = queue.updates.empty();
    queue.add(std::move(update));
    return was_empty;
  });
  // The only failure, a counter that is full, leaves it readable.
  if (first) static_cast<void>(::eventfd_write(event_.get(), 1));
}

std::vector<Update> Inbox::take() {
  // Before the queue is emptied: what comes in between is written again.
  eventfd_t count = 0;
  static_cast<void>(::eventfd_read(event_.get(), &count));
  std::list<Update> all;
  std::map<ServerIndex, std::uint64_t> dropped;
  queue_.with([&](Queue& queue) {
    all.swap(queue.updates);
    queue.trees.clear();
    queue.figures.clear();
    queue.calls.clear();
    for (auto& [server, packets] : queue.packets) {
      dropped[server] = packets.dropped;
      packets = {.places = {}, .dropped = packets.dropped};
    }
  });
  for (Update& update : all) {
    if (auto* came = std::get_if<PacketsCame>(&update)) came->skipped += dropped[came->server];
  }
  return {std::make_move_iterator(all.begin()), std::make_move_iterator(all.end())};
}

void Inbox::Queue::add(Update update) {
  if (const auto* begin = std::get_if<CallsBegin>(&update)) forget_calls(begin->server);
  updates.push_back(std::move(update));
  const Place place = std::prev(updates.end());
  if (auto* came = std::get_if<PacketsCame>(&*place)) {
    Packets& of_server = packets[came->server];
    if (came->packets.size() > kMostPackets) {
      of_server.dropped += came->packets.size() - kMostPackets;
      shorten(*came, kMostPackets);
    }
    // One that brings only totals stands for the one before, so that there are no more of them than packets.
    if (!of_server.places.empty() && std::get<PacketsCame>(*of_server.places.back()).packets.empty()) {
      updates.erase(of_server.places.back());
      of_server.places.pop_back();
    }
    of_server.places.push_back(place);
    of_server.count += came->packets.size();
    of_server.bytes += bytes_of(*came);
    make_room(of_server);
  } else if (const auto* tree = std::get_if<TreeCame>(&*place)) {
    std::list<Place>& places = trees[tree->server];
    places.push_back(place);
    if (places.size() <= kMostTrees) return;
    updates.erase(places.front());
    places.pop_front();
  } else if (const auto* at = std::get_if<FiguresCame>(&*place)) {
    const auto [known, is_new] = figures.try_emplace({at->server, at->at.path}, place);
    if (!is_new) updates.erase(std::exchange(known->second, place));
  } else {
    const auto* call = std::get_if<CallCame>(&*place);
    const auto* gone = std::get_if<CallGone>(&*place);
    if (call == nullptr && gone == nullptr) return;
    const auto key = call ? std::pair(call->server, call->call->id) : std::pair(gone->server, gone->id);
    const auto [known, is_new] = calls.try_emplace(key, place);
    if (!is_new) updates.erase(std::exchange(known->second, place));
  }
}

void Inbox::Queue::make_room(Packets& of_server) {
  while (of_server.places.size() > 1 && (of_server.count > kMostPackets || of_server.bytes > kMostPacketBytes)) {
    const Place oldest = of_server.places.front();
    const auto& came = std::get<PacketsCame>(*oldest);
    of_server.count -= came.packets.size();
    of_server.bytes -= bytes_of(came);
    of_server.dropped += came.packets.size();
    of_server.places.pop_front();
    updates.erase(oldest);
  }
}

/// A new snapshot of the calls makes what came before it needless.
void Inbox::Queue::forget_calls(ServerIndex server) {
  for (auto it = calls.lower_bound({server, {}}); it != calls.end() && it->first.first == server;) {
    updates.erase(it->second);
    it = calls.erase(it);
  }
}

}  // namespace lc::watch
