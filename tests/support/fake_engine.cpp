// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/fake_engine.h"

#include "tests/support/fake_painting.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

// At pictures: once for all requests with the same memory.
static std::atomic<int> looks{0};

namespace vlm::test {
namespace {

using Lock = std::unique_lock<std::mutex>;
constexpr auto kPatience = std::chrono::seconds(10);
constexpr auto kPoll = std::chrono::milliseconds(1); // cancel tokens wake nobody

class Unlocked {
public:
  explicit Unlocked(Lock &lock) : lock_(lock) { lock_.unlock(); }
  ~Unlocked() { lock_.lock(); }
  Unlocked(const Unlocked &) = delete;

private:
  Lock &lock_;
};

struct Scripted {
  bool set = false;
  int nth = 0;
  ErrorCategory category = ErrorCategory::Failed;
  std::string message;

  void operator()() const {
    if (set)
      fail(category, message);
  }
};

struct Job {
  Request request;
  Completion done;
};

// A model: shared by its handle and its thread, which may outlive the handle.
struct Core {
  ModelInfo info;
  std::deque<Job> jobs;
  bool closed = false;
  int busy = 0;
  CancelToken running;
};

// A painter, likewise.
struct Easel {
  PainterInfo info;
  std::deque<PaintJob> jobs;
  bool closed = false;
  CancelToken running;
};

class Fake : public Engine, public FakeEngine {
public:
  void validate(const ModelOptions &options) const override {
    Lock lock(mutex_);
    ++seen_.validated;
    seen_.validated_options = options;
    validate_failure_();
  }

  std::shared_ptr<Worker> open(const ModelOptions &options,
                               const std::function<void(double)> &progress,
                               const CancelToken &cancel) override;
  void validate_painter(const PainterOptions &) const override {
    Lock lock(mutex_);
    ++seen_.validated;
    validate_failure_();
  }
  std::shared_ptr<PaintWorker> open_painter(const PainterOptions &options,
                                            const std::function<void(double)> &progress,
                                            const CancelToken &cancel) override;
  void set_log_sink(LogSink) override {}

  void reset() override;
  void hold() override {
    Lock lock(mutex_);
    held_ = true;
  }
  void release() override;
  void step() override {
    Lock lock(mutex_);
    ++permits_;
    changed_.notify_all();
  }
  void deaf() override {
    Lock lock(mutex_);
    deaf_ = true;
  }
  void hold_previews() override {
    Lock lock(mutex_);
    previews_held_ = true;
  }
  void hold_open() override {
    Lock lock(mutex_);
    open_held_ = true;
  }
  void script(std::vector<std::string> answers) override {
    Lock lock(mutex_);
    answers_ = std::move(answers);
  }
  void stop_with(StopReason reason) override {
    Lock lock(mutex_);
    stop_reason_ = reason;
  }
  void room(int64_t context_length, int64_t tokens_per_image) override {
    Lock lock(mutex_);
    context_length_ = context_length;
    tokens_per_image_ = tokens_per_image;
  }
  void truncate(int64_t positions) override {
    Lock lock(mutex_);
    truncated_ = positions;
  }
  void run_out_of_memory(int nth) override {
    Lock lock(mutex_);
    no_memory_ = nth;
  }
  void expire() override {
    Lock lock(mutex_);
    expired_ = true;
  }
  void fail_request(int nth, ErrorCategory category, const std::string &message) override {
    Lock lock(mutex_);
    request_failure_ = {true, nth, category, message};
  }
  void fail_open(ErrorCategory category, const std::string &message) override {
    Lock lock(mutex_);
    open_failure_ = {true, 0, category, message};
  }
  void fail_ocr(ErrorCategory category, const std::string &message) override {
    Lock lock(mutex_);
    ocr_failure_ = {true, 0, category, message};
  }
  void read(const std::string &text) override {
    Lock lock(mutex_);
    ocr_text_ = text;
  }
  void check_ocr() const override {
    Lock lock(mutex_);
    ocr_failure_();
  }
  void fail_validate(ErrorCategory category, const std::string &message) override {
    Lock lock(mutex_);
    validate_failure_ = {true, 0, category, message};
  }
  bool wait_begun(int count) override {
    Lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return seen_.begun >= count; });
  }
  bool wait_ended(int count) override {
    Lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return seen_.ended >= count; });
  }
  bool wait_opening() override {
    Lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return opening_ > 0; });
  }
  bool wait_previewing() override {
    Lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return previews_ > 0; });
  }
  FakeSeen seen() override {
    Lock lock(mutex_);
    return seen_;
  }

private:
  class Handle;
  class Brush;
  void wait_open(Lock &lock, const CancelToken &cancel);
  void wait_gate(Lock &lock, const CancelToken &cancel);
  void serve_painter(const std::shared_ptr<Easel> &easel);
  std::unique_ptr<Painting> paint(Lock &lock, const PaintJob &job);
  void tell_steps(Lock &lock, const PaintJob &job);
  Image preview(const PaintJob &job);
  std::shared_ptr<Worker> load(const ModelOptions &options);
  void serve(const std::shared_ptr<Core> &core);
  double look(const Core &core, const Request &request);
  std::unique_ptr<Result> generate(Lock &lock, Core &core, const Request &request);
  std::string next_answer();

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  mutable FakeSeen seen_;
  std::weak_ptr<Worker> loaded_;
  std::weak_ptr<PaintWorker> painter_;
  ModelOptions loaded_options_;
  std::vector<std::string> answers_;
  StopReason stop_reason_ = StopReason::Eos;
  int64_t context_length_ = 0, tokens_per_image_ = 0, truncated_ = 0;
  int no_memory_ = 0;
  Scripted request_failure_, open_failure_, validate_failure_, ocr_failure_;
  std::string ocr_text_;
  bool held_ = false, deaf_ = false, open_held_ = false, previews_held_ = false, expired_ = false;
  int permits_ = 0, opening_ = 0, previews_ = 0, threads_ = 0;
};

class Fake::Handle : public Worker {
public:
  Handle(Fake &fake, std::shared_ptr<Core> core) : fake_(fake), core_(std::move(core)) {}
  ~Handle() override {
    Lock lock(fake_.mutex_);
    core_->closed = true;
    core_->running.cancel();
    fake_.changed_.notify_all();
  }
  const ModelInfo &info() const override { return core_->info; }
  void submit(Request request, Completion done) override {
    Lock lock(fake_.mutex_);
    core_->jobs.push_back({std::move(request), std::move(done)});
    fake_.changed_.notify_all();
  }

private:
  Fake &fake_;
  std::shared_ptr<Core> core_;
};

void Fake::reset() {
  release();
  Lock lock(mutex_);
  changed_.wait(lock, [this] { return threads_ == 0 && opening_ == 0; });
  seen_ = FakeSeen();
  looks = 0;
  answers_.clear();
  stop_reason_ = StopReason::Eos;
  context_length_ = tokens_per_image_ = truncated_ = no_memory_ = 0;
  request_failure_ = open_failure_ = validate_failure_ = ocr_failure_ = Scripted();
  ocr_text_.clear();
  deaf_ = expired_ = false;
  permits_ = previews_ = 0;
}

void Fake::release() {
  Lock lock(mutex_);
  held_ = open_held_ = previews_held_ = false;
  changed_.notify_all();
}

std::shared_ptr<Worker> Fake::open(const ModelOptions &options,
                                   const std::function<void(double)> &progress,
                                   const CancelToken &cancel) {
  if (progress)
    for (const double share : {0.0, 0.25, 0.5, 1.0})
      progress(share);
  Lock lock(mutex_);
  seen_.options = options;
  wait_open(lock, cancel);
  std::shared_ptr<Worker> worker = loaded_.lock();
  const bool same = worker && loaded_options_.path == options.path &&
                    loaded_options_.device == options.device &&
                    loaded_options_.precision == options.precision;
  return same ? worker : load(options);
}

void Fake::wait_open(Lock &lock, const CancelToken &cancel) {
  ++opening_;
  changed_.notify_all();
  while (open_held_ && !cancel.cancelled())
    changed_.wait_for(lock, kPoll);
  --opening_;
  changed_.notify_all();
  cancel.check();
  open_failure_();
}

std::shared_ptr<Worker> Fake::load(const ModelOptions &options) {
  ++seen_.loads;
  auto core = std::make_shared<Core>();
  core->info.name = "fake";
  core->info.digest = options.path.empty() ? "0123456789abcdef" : "digest of " + options.path;
  core->info.device = options.device;
  core->info.precision = options.precision;
  core->info.has_vision = true;
  core->info.context_length = context_length_;
  core->info.tokens_per_image = tokens_per_image_;
  ++threads_;
  std::thread([this, core] { serve(core); }).detach();
  auto worker = std::make_shared<Handle>(*this, core);
  loaded_ = worker;
  loaded_options_ = options;
  return worker;
}

void Fake::serve(const std::shared_ptr<Core> &core) {
  Lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return core->closed || !core->jobs.empty(); });
    if (core->jobs.empty())
      break;
    Job job = std::move(core->jobs.front());
    core->jobs.pop_front();
    core->running = job.request.cancel;
    if (core->closed)
      core->running.cancel();
    seen_.most_at_once = std::max(seen_.most_at_once, ++core->busy);
    std::unique_ptr<Result> result;
    std::exception_ptr error;
    try {
      if (expired_ && job.request.deadline)
        fail(ErrorCategory::Cancelled, "the request waited longer than its deadline");
      result = generate(lock, *core, job.request);
    } catch (const Error &e) {
      seen_.cancelled += e.category() == ErrorCategory::Cancelled;
      error = std::current_exception();
    } catch (const std::bad_alloc &) {
      error = std::current_exception();
    }
    --core->busy;
    lock.unlock();
    job.done(std::move(result), error);
    job = Job(); // what it holds may be the last of its kind
    lock.lock();
    ++seen_.ended;
    changed_.notify_all();
  }
  --threads_;
  changed_.notify_all();
}

// Seconds that it took, where a memory tells a first look from others.
double Fake::look(const Core &core, const Request &request) {
  PictureMemory *memory = request.memory.get();
  if (memory && memory->seen && *static_cast<const Core *const *>(memory->seen.get()) == &core)
    return 0;
  ++looks;
  if (!memory)
    return 0;
  memory->seen = std::make_shared<const Core *>(&core);
  return 1e-6;
}

std::unique_ptr<Result> Fake::generate(Lock &lock, Core &core, const Request &request) {
  ++seen_.begun;
  const int nth = seen_.begun;
  seen_.last = request;
  seen_.last.make_images = nullptr;
  if (request.make_images)
    seen_.last.images = request.make_images();
  seen_.questions.push_back(request.question);
  seen_.turns.push_back(request.turns);
  seen_.generate.push_back(request.generate);
  seen_.seeds.push_back(request.sampling.seed);
  seen_.deadlines.push_back(request.deadline);
  seen_.memories.push_back(request.memory);
  changed_.notify_all();
  wait_gate(lock, request.cancel);
  if (no_memory_ == nth)
    throw std::bad_alloc();
  if (request_failure_.nth == nth)
    request_failure_();
  auto result = std::make_unique<Result>();
  result->timings.vision = look(core, request);
  if (request.max_tokens == 0)
    return result;
  result->text = next_answer();
  result->ocr_text = request.ocr ? ocr_text_ : "";
  result->generation_prompt = generation_prompt(result->text);
  result->prompt = request.question;
  result->output_ids = {7, 8};
  result->token_logprobs = {std::log(0.5), std::log(0.25)};
  result->prompt_positions = 11;
  result->truncated_positions = truncated_;
  result->stop_reason = stop_reason_;
  result->timings.decode = 1e-9;
  if (request.reuse.draft)
    result->reused.drafted = 2, result->reused.accepted = 1;
  if (request.reuse.prefix)
    result->reused.positions = 3;
  if (request.reuse.vision)
    result->reused.pictures = 1;
  if (request.reuse.batch)
    result->reused.passes = 4;
  return result;
}

void Fake::wait_gate(Lock &lock, const CancelToken &cancel) {
  while (held_ && permits_ == 0 && (deaf_ || !cancel.cancelled()))
    changed_.wait_for(lock, kPoll);
  if (held_ && permits_ > 0)
    --permits_;
  cancel.check();
}

class Fake::Brush : public PaintWorker {
public:
  Brush(Fake &fake, std::shared_ptr<Easel> easel) : fake_(fake), easel_(std::move(easel)) {}
  ~Brush() override {
    Lock lock(fake_.mutex_);
    easel_->closed = true;
    easel_->running.cancel();
    for (const PaintJob &job : easel_->jobs)
      job.cancel.cancel();
    fake_.changed_.notify_all();
  }
  const PainterInfo &info() const override { return easel_->info; }
  void submit(PaintJob job) override {
    Lock lock(fake_.mutex_);
    easel_->jobs.push_back(std::move(job));
    fake_.changed_.notify_all();
  }

private:
  Fake &fake_;
  std::shared_ptr<Easel> easel_;
};

std::shared_ptr<PaintWorker> Fake::open_painter(const PainterOptions &options,
                                                const std::function<void(double)> &progress,
                                                const CancelToken &cancel) {
  if (progress)
    for (const double share : {0.0, 0.5, 1.0})
      progress(share);
  Lock lock(mutex_);
  seen_.painter = options;
  wait_open(lock, cancel);
  if (auto painter = painter_.lock())
    return painter;
  ++seen_.loads;
  auto easel = std::make_shared<Easel>();
  easel->info.name = "fake-painter";
  easel->info.precision = options.precision;
  easel->info.default_size = 64;
  ++threads_;
  std::thread([this, easel] { serve_painter(easel); }).detach();
  auto painter = std::make_shared<Brush>(*this, easel);
  painter_ = painter;
  return painter;
}

void Fake::serve_painter(const std::shared_ptr<Easel> &easel) {
  Lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return easel->closed || !easel->jobs.empty(); });
    if (easel->jobs.empty())
      break;
    PaintJob job = std::move(easel->jobs.front());
    easel->jobs.pop_front();
    easel->running = job.cancel;
    std::unique_ptr<Painting> painting;
    std::exception_ptr error;
    try {
      painting = paint(lock, job);
    } catch (const Error &e) {
      seen_.cancelled += e.category() == ErrorCategory::Cancelled;
      error = std::current_exception();
    }
    lock.unlock();
    job.done(std::move(painting), error);
    job = PaintJob(); // what it holds may be the last of its kind
    lock.lock();
    ++seen_.ended;
    changed_.notify_all();
  }
  --threads_;
  changed_.notify_all();
}

std::unique_ptr<Painting> Fake::paint(Lock &lock, const PaintJob &job) {
  const int nth = ++seen_.begun;
  seen_.paints.push_back(job.request);
  changed_.notify_all();
  tell_steps(lock, job);
  wait_gate(lock, job.cancel);
  if (request_failure_.nth == nth)
    request_failure_();
  return std::make_unique<Painting>(fake_painting(job.request));
}

// What is told may take locks, and throw.
void Fake::tell_steps(Lock &lock, const PaintJob &job) {
  const Unlocked open(lock);
  for (int64_t step = 1; job.step && step <= job.request.steps; ++step)
    job.step({step, job.request.steps, [&] { return preview(job); }});
}

Image Fake::preview(const PaintJob &job) {
  Lock lock(mutex_);
  ++previews_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return !previews_held_; });
  job.cancel.check();
  return fake_painting(job.request).image;
}

std::string Fake::next_answer() {
  if (answers_.empty())
    return "answer " + std::to_string(seen_.begun);
  const std::string answer = answers_.front();
  if (answers_.size() > 1)
    answers_.erase(answers_.begin());
  return answer;
}

// Never destroyed: threads that end with the process may still look at it.
Fake &fake() {
  static Fake *instance = new Fake();
  return *instance;
}

} // namespace
} // namespace vlm::test

extern "C" __attribute__((visibility("default"))) vlm::Engine *vlm_engine(int interface_version) {
  return interface_version == vlm::kEngineInterface ? &vlm::test::fake() : nullptr;
}

// In place of an OpenMP runtime: remembers the largest team.
static std::atomic<unsigned> team{0};

extern "C" __attribute__((visibility("default"))) int omp_get_num_procs() { return 2; }

extern "C" __attribute__((visibility("default"))) void
GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned) {
  body(data);
  team = std::max(team.load(), threads);
}

extern "C" __attribute__((visibility("default"))) unsigned fake_largest_team() { return team; }

extern "C" __attribute__((visibility("default"))) int fake_looks() { return looks; }

extern "C" __attribute__((visibility("default"))) vlm::test::FakeEngine *fake_engine() {
  return &vlm::test::fake();
}
