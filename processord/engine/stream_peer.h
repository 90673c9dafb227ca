// The sending end of a StreamPackets call, as the engine sees it.
#pragma once

#include "common/base/result.h"

namespace lc::processor {

/// Called on any thread, never under a lock; must not block.
class StreamPeer {
 public:
  virtual ~StreamPeer() = default;

  /// Ingest::control() says something new.
  virtual void control_changed() = 0;
  /// Now and then: what the peer has put off saying may be due.
  virtual void tick() = 0;
  /// There is room again. At most once for each kHold, perhaps before accept() has returned it, and never otherwise.
  virtual void resume_reading() = 0;
  /// The stream must end with this error.
  virtual void close(const Error& reason) = 0;
};

}  // namespace lc::processor
