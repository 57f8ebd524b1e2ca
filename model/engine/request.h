// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "model/core/cancel.h"
#include "model/language/sampling.h"
#include "model/text/conversation.h"
#include "model/vision/image.h"
#include "model/vision/vision_seconds.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace vlm {

/// What a model saw in the pictures of a request, kept so that it need not look again. Make one for
/// the pictures of one moment and set it in every request about them, for one model. Opaque, and
/// freed with its last owner; any thread may own it.
struct PictureMemory {
  std::mutex mutex;
  std::shared_ptr<const void> seen;
  std::optional<std::string> text; ///< recognised in them
};

/// Which earlier work may take the place of new work. On the CPU the answer is the same whatever is
/// chosen here, token by token.
struct Reuse {
  /// Tokens are foretold from earlier answers to the client and from the prompt, and checked
  /// several in one pass.
  bool draft = true;
  /// What was read already of a prompt's beginning is not read again: the template's text before
  /// the pictures, and pictures with a `memory`.
  bool prefix = true;
  /// Pictures with the pixels of one of the last few are not encoded again.
  bool vision = true;
  /// The answer gets its tokens in passes over the weights that others under way share.
  bool batch = true;
};

/// "none", or names with a plus between: "draft+vision". Error(Settings) naming one that is
/// unknown.
Reuse parse_reuse(const std::string &names);

/// What that saved, and what it cost.
struct Reused {
  int64_t drafted = 0, accepted = 0; ///< tokens that were foretold; those of them that were right
  int64_t positions = 0;             ///< of the prompt, which were not read again
  int64_t pictures = 0;              ///< that were not encoded again, thanks to `memory` too
  int64_t passes = 0; ///< over the weights, which an answer that began earlier needed anyway
};

constexpr uint64_t kFirstFreeClient = uint64_t{1} << 63;

/// One question about zero or more pictures.
struct Request {
  std::vector<Image> images; ///< all belong to the first turn
  /// When set, makes `images` when the request's turn comes, on the worker's thread; may throw.
  std::function<std::vector<Image>()> make_images;
  std::vector<Turn> turns;           ///< earlier turns, each with its answer
  bool forget_turns = false;         ///< those that leave no room for max_tokens go, oldest first
  std::string question;              ///< valid UTF-8, used byte for byte
  std::optional<std::string> system; ///< instead of the template's own
  std::string template_name;         ///< empty: the checkpoint's
  std::string ocr_text;              ///< recognised strings, joined with ", "; empty: none
  bool ocr = false;                  ///< recognise the text in `images` for ocr_text
  bool generate = false;             ///< ask for a generation prompt (" <GEN>")
  std::shared_ptr<PictureMemory> memory; ///< of `images`; may be null
  int64_t max_tokens = 512;              ///< 0: only look at the pictures, for `memory`
  int threads = 0;                       ///< up to 1024; 0: as many as the model was opened with
  Sampling sampling;
  /// JSON Schema (model/language/json_schema.h) that the answer, which is then compact JSON, fits,
  /// or the request fails; empty: free text.
  std::string json_schema;
  Reuse reuse;
  CancelToken cancel;

  /// Who asks: a worker gives every client its turns, however much others have queued, in
  /// proportion to the weights (above 0). 0: the holder of the worker that Engine::open returned.
  /// Numbers from kFirstFreeClient on are for whoever wants turns beside those.
  uint64_t client = 0;
  double weight = 1;
  /// A request whose turn has not come by then ends with Error(Cancelled).
  std::optional<std::chrono::steady_clock::time_point> deadline;

  /// Text as it comes: each call gets the characters that became final since the last. Called on
  /// the thread that generates; must not throw.
  std::function<void(const std::string &)> on_text;
  /// When set, receives the intermediate tensors of the run by the reference's names, as float32.
  std::string dump_path;
};

enum class StopReason { Eos, Length, Cancelled };
const char *name(StopReason reason);

/// Seconds spent, by stage.
struct Timings {
  double queue = 0, preprocess = 0, vision = 0, prefill = 0, decode = 0;
  VisionSeconds parts; ///< of `vision`
};

struct Result {
  std::string text;                   ///< special tokens skipped, stripped, valid UTF-8
  std::string prompt;                 ///< as rendered, `<image>` where a picture went
  std::string ocr_text;               ///< what of it was read in the pictures
  std::vector<int64_t> input_ids;     ///< kImageToken for a picture
  std::vector<int64_t> output_ids;    ///< the stop id, if one came, is the last
  std::vector<double> token_logprobs; ///< the model's own, whatever a schema rules out
  StopReason stop_reason = StopReason::Eos;
  std::string generation_prompt;   ///< what stood in <h>...</h>; empty: none
  int64_t prompt_positions = 0;    ///< length after the visual tokens were spliced in
  int64_t truncated_positions = 0; ///< positions cut off the prompt's right end
  Timings timings;
  Reused reused;
  /// Mean probability of the output tokens, 0..1; absent without output.
  std::optional<double> confidence() const;
};

} // namespace vlm
