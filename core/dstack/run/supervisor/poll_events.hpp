// The events of a supervisor on this machine: all of them are descriptors that poll(2) watches.
// Runners on other machines add one more, by which they report the ends of jobs.
#pragma once

#include "dstack/base/patience.hpp"
#include "dstack/run/supervisor/artifact_saver.hpp"
#include "dstack/run/supervisor/events.hpp"
#include "dstack/run/supervisor/local_runners.hpp"
#include "dstack/run/supervisor/recorder.hpp"
#include "dstack/run/supervisor/reservations.hpp"

namespace dstack::run {

class Mailbox;

class PollEvents : public Events {
 public:
  /// All of them must outlive it.
  struct Sources {
    Mailbox& mailbox;
    ThreadedArtifactSaver& saver;
    DatabaseRecorder& recorder;
    Reservations& reservations;
    LocalRunners& runners;
    const files::Home& home;
  };

  explicit PollEvents(Sources sources) : sources_(sources) {}

  Result<Happened> wait() override;

 private:
  void look_for_unknown(Happened& happened);

  Sources sources_;
  Patience patience_;
};

}  // namespace dstack::run
