// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pipelines/programs/line_batch.h"

namespace vlm {
namespace {

using nlohmann::json;

/// Runs `work`; what it throws, but for a wish to stop, becomes the line's error. Tells whether it
/// went well.
bool guard(json &out, const std::function<void()> &work) {
  try {
    work();
    return true;
  } catch (const Error &error) {
    if (error.category() == ErrorCategory::Cancelled)
      throw;
    out["error"] = error.what();
  } catch (const std::exception &error) {
    out["error"] = error.what();
  }
  return false;
}

} // namespace

json to_json(const Result &result, const ModelInfo &model) {
  const Timings &t = result.timings;
  json out = {{"text", result.text},
              {"prompt", result.prompt},
              {"input_ids", result.input_ids},
              {"output_ids", result.output_ids},
              {"stop_reason", name(result.stop_reason)},
              {"token_logprobs", result.token_logprobs},
              {"generation_prompt",
               result.generation_prompt.empty() ? json() : json(result.generation_prompt)},
              {"truncated_positions", result.truncated_positions},
              {"model",
               {{"name", model.name},
                {"digest", model.digest},
                {"precision", model.precision},
                {"device", model.device}}},
              {"reused",
               {{"drafted", result.reused.drafted},
                {"accepted", result.reused.accepted},
                {"positions", result.reused.positions},
                {"pictures", result.reused.pictures},
                {"passes", result.reused.passes}}},
              {"timings",
               {{"preprocess", t.preprocess},
                {"vision", t.vision},
                {"vision_tower", t.parts.vision_tower},
                {"vision_tower_aux", t.parts.vision_tower_aux},
                {"mining", t.parts.mining},
                {"projector", t.parts.projector},
                {"prefill", t.prefill},
                {"decode", t.decode}}}};
  if (const auto confidence = result.confidence())
    out["confidence"] = *confidence;
  return out;
}

void LineBatch::add(const std::string &text) {
  Line &line = lines_.emplace_back();
  guard(line.out, [&] {
    const json in = json::parse(text);
    if (in.contains("id"))
      line.out["id"] = in["id"];
    Request request = make_(in.at("question"), in.value("images", std::vector<std::string>()));
    const CancelToken cancel = request.cancel;
    line.answer = model_.begin(std::move(request), cancel);
  });
}

void LineBatch::advance() {
  std::vector<Line *> going;
  std::vector<Answer *> answers;
  for (Line &line : lines_)
    if (line.answer && !line.answer->finished()) {
      going.push_back(&line);
      answers.push_back(line.answer.get());
    }
  json error = json::object();
  if (answers.empty() || guard(error, [&] { model_.advance(answers); }))
    return;
  for (Line *line : going) {
    line->out.update(error);
    line->answer.reset();
  }
}

std::optional<json> LineBatch::next() {
  if (lines_.empty() || (lines_.front().answer && !lines_.front().answer->finished()))
    return std::nullopt;
  Line line = std::move(lines_.front());
  lines_.pop_front();
  if (line.answer)
    guard(line.out, [&] { line.out.update(to_json(line.answer->take(), model_.info())); });
  return std::move(line.out);
}

} // namespace vlm
