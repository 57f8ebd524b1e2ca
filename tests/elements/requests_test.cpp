// SPDX-License-Identifier: LGPL-2.1-or-later
// What json-schema, ocr and history put into requests and records.
#include "tests/support/harness.h"

namespace vlm::test {
namespace {

using JsonSchemas = ElementTest;
using Ocr = ElementTest;
using History = ElementTest;
using Reusing = ElementTest;

constexpr const char *kSchema =
    R"({"type":"object","properties":{"cats":{"type":"integer"}},"required":["cats"]})";

void set(Caption &v, const char *property, const char *value) {
  g_object_set(v.element(), property, value, nullptr);
}

// ---- json-schema
// ---------------------------------------------------------------------------------

TEST_F(JsonSchemas, ReachTheModel) {
  Caption v("interval=0");
  set(v, "json-schema", kSchema);
  v.play();
  v.push(0);
  EXPECT_EQ(fake().seen().last.json_schema, kSchema);
  set(v, "json-schema", "");
  v.push(1);
  EXPECT_EQ(fake().seen().last.json_schema, "");
}

TEST_F(JsonSchemas, AreCheckedBeforeTheModelLoads) {
  Caption v;
  gst_element_set_state(v.element(), GST_STATE_NULL);
  set(v, "json-schema", R"({"type":"object","properties":{"a":{"type":"string","pattern":"x"}}})");
  EXPECT_EQ(gst_element_set_state(v.element(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_EQ(problem.text, "json-schema: /properties/a/pattern: this keyword is not supported here");
}

// What is wrong with it is told with the property's name.
TEST_F(JsonSchemas, ThatCannotBeUsedAreRefused) {
  std::string deep = R"({"type":"string"})";
  for (int level = 0; level < 17; ++level)
    deep = R"({"type":"array","items":)" + deep + "}";
  const std::pair<std::string, const char *> cases[] = {
      {"{\"type\":", "is not JSON"},
      {"[1, 2]", "is not a schema object"},
      {deep, "16"},
      {R"({"description":")" + std::string(65536, 'x') + R"(","type":"string"})", "65536"},
      {R"({"type":"frog"})", "frog"},
  };
  for (const auto &[schema, word] : cases) {
    Caption v;
    gst_element_set_state(v.element(), GST_STATE_NULL);
    set(v, "json-schema", schema.c_str());
    EXPECT_EQ(gst_element_set_state(v.element(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
    const auto error = v.bus().wait(GST_MESSAGE_ERROR);
    ASSERT_TRUE(error) << word;
    const Problem problem = problem_of(error.get());
    EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
    EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
    EXPECT_EQ(problem.text.find("json-schema"), 0u) << problem.text.substr(0, 200);
    EXPECT_NE(problem.text.find(word), std::string::npos) << problem.text.substr(0, 200);
  }
}

// While it runs: a frame's questions fail, and on-error says what that means.
TEST_F(JsonSchemas, ThatIsSetWhileRunningAndCannotBeUsedFailsTheFrames) {
  Caption v("interval=0 on-error=warn prompt=q?");
  v.play();
  v.push(0);
  set(v, "json-schema", "{");
  v.push(1);
  set(v, "json-schema", "");
  v.push(2);
  std::vector<std::string> told;
  for (const auto &record : v.bus().captions())
    told.push_back(text_field(record.get(), "status") + " " + text_field(record.get(), "question"));
  EXPECT_EQ(told, (std::vector<std::string>{"ok q?", "failed q?", "ok q?"}));
}

// An answer that does not come out right is a failed record, never half of one.
TEST_F(JsonSchemas, FailuresAreRecords) {
  fake().fail_request(1, ErrorCategory::Failed, "json-schema: the answer was cut off");
  Caption v("interval=0 on-error=warn");
  set(v, "json-schema", kSchema);
  TextLog &text = v.text();
  v.play();
  v.push(0);
  const auto record = v.bus().caption();
  EXPECT_EQ(text_field(record.get(), "status"), "failed");
  EXPECT_EQ(text_field(record.get(), "text"), "");
  EXPECT_EQ(text_field(record.get(), "error"), "json-schema: the answer was cut off");
  ASSERT_TRUE(text.wait_position(kFrame));
  EXPECT_TRUE(text.texts().empty());
}

// ---- ocr
// -----------------------------------------------------------------------------------------

TEST_F(Ocr, IsAskedForAndTold) {
  fake().read("EXIT, NO WAY");
  Caption v("interval=0");
  v.play();
  v.push(0);
  EXPECT_FALSE(fake().seen().last.ocr);
  EXPECT_FALSE(gst_structure_has_field(v.bus().caption().get(), "ocr-text"));
  g_object_set(v.element(), "ocr", TRUE, nullptr);
  v.push(1);
  EXPECT_TRUE(fake().seen().last.ocr);
  EXPECT_EQ(text_field(v.bus().caption().get(), "ocr-text"), "EXIT, NO WAY");
  fake().read("");
  v.push(2);
  EXPECT_FALSE(gst_structure_has_field(v.bus().caption().get(), "ocr-text"));
}

TEST_F(Ocr, ThatIsNotThereIsToldAtOnce) {
  fake().fail_ocr(ErrorCategory::Unavailable, "OCR: this build has no Tesseract");
  Caption v;
  gst_element_set_state(v.element(), GST_STATE_NULL);
  g_object_set(v.element(), "ocr", TRUE, nullptr);
  EXPECT_EQ(gst_element_set_state(v.element(), GST_STATE_PAUSED), GST_STATE_CHANGE_FAILURE);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_EQ(problem.text, "ocr=true: OCR: this build has no Tesseract");
}

// A question at run time is asked as those about frames are.
TEST_F(Ocr, AndSchemasApplyToQuestionsAtRunTime) {
  fake().read("EXIT");
  Caption v("interval=1000000000000 ocr=true");
  set(v, "json-schema", kSchema);
  v.play();
  v.push(0);
  guint64 id = 0;
  g_signal_emit_by_name(v.element(), "ask", "how many?", &id);
  EXPECT_NE(id, 0u);
  const auto answer = v.bus().answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(text_field(answer.get(), "ocr-text"), "EXIT");
  const FakeSeen seen = fake().seen();
  EXPECT_EQ(seen.last.question, "how many?");
  EXPECT_EQ(seen.last.json_schema, kSchema);
  EXPECT_TRUE(seen.last.ocr);
}

// ---- history
// -------------------------------------------------------------------------------------

std::vector<std::string> told(const std::vector<Turn> &turns) {
  std::vector<std::string> out;
  for (const Turn &turn : turns)
    out.push_back(turn.question + " " + turn.answer.value_or("(none)"));
  return out;
}

std::vector<std::string> last_turns() { return told(fake().seen().turns.back()); }

using Turns = std::vector<std::string>;

TEST_F(History, IsNoneByDefault) {
  Caption v("interval=0");
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_EQ(last_turns(), Turns{});
}

TEST_F(History, KeepsTheLastAnswersOldestFirst) {
  Caption v("interval=0 history=2 prompt=q?");
  v.play();
  const Turns expected[] = {
      {}, {"q? answer 1"}, {"q? answer 1", "q? answer 2"}, {"q? answer 2", "q? answer 3"}};
  for (int n = 0; n < 4; ++n) {
    v.push(n);
    EXPECT_EQ(last_turns(), expected[n]) << n;
  }
  EXPECT_TRUE(fake().seen().last.forget_turns);
  EXPECT_EQ(fake().seen().last.images.size(), 1u);
}

// In asynchronous mode, too: a job that waits learns of the answer before it.
TEST_F(History, HasTheAnswerThatCameWhileAFrameWaited) {
  fake().hold();
  Caption v("interval=0 history=1 prompt=q? queue-size=1", true);
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  v.push(1);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(last_turns(), Turns{"q? answer 1"});
}

TEST_F(History, IsOfEachQuestionByItself) {
  Caption v("interval=0 history=1 questions=\"<\\\"a?\\\",\\\"b?\\\">\"");
  v.play();
  v.push(0);
  v.push(1);
  const auto turns = fake().seen().turns;
  ASSERT_EQ(turns.size(), 4u);
  EXPECT_EQ(told(turns[2]), Turns{"a? answer 1"});
  EXPECT_EQ(told(turns[3]), Turns{"b? answer 2"});
}

// As the model was asked (mgm-spec 5.1).
TEST_F(History, RemembersThatAPromptWasAskedFor) {
  Caption v("interval=0 history=1 generate=always prompt=q?");
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_EQ(last_turns(), Turns{"q? <GEN> answer 1"});
}

TEST_F(History, BeginsAnewWithAnotherPrompt) {
  Caption v("interval=0 history=5 prompt=q?");
  v.play();
  v.push(0);
  set(v, "prompt", "r?");
  v.push(1);
  EXPECT_EQ(last_turns(), Turns{});
  set(v, "prompt", "q?");
  v.push(2);
  EXPECT_EQ(last_turns(), Turns{});
}

TEST_F(History, BeginsAnewAfterAFlushAndWithAStream) {
  Caption v("interval=0 history=5 prompt=q?");
  v.play();
  v.push(0);
  v.flush();
  v.push(1);
  EXPECT_EQ(last_turns(), Turns{});
  v.push(2);
  EXPECT_EQ(last_turns().size(), 1u);
  gst_harness_push_event(v.h(), gst_event_new_stream_start("next"));
  v.segment();
  v.push(3);
  EXPECT_EQ(last_turns(), Turns{});
}

// An answer of the stream before is not what was said in this one.
TEST_F(History, ForgetsAnAnswerOfTheStreamBefore) {
  fake().hold();
  Caption v("interval=0 history=5 prompt=q? queue-size=5", true);
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.base = GST_SECOND;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  v.push(1);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(last_turns(), Turns{});
}

// A failed or an empty answer is no turn.
TEST_F(History, HasOnlyWhatWasSaid) {
  fake().script({"", "said"});
  fake().fail_request(2, ErrorCategory::Data, "no");
  Caption v("interval=0 history=5 prompt=q? on-error=warn");
  v.play();
  for (int n = 0; n < 4; ++n)
    v.push(n);
  EXPECT_EQ(last_turns(), Turns{"q? said"});
}

// ---- reuse
// ---------------------------------------------------------------------------------------

TEST_F(Reusing, ReachesTheModelAndIsCounted) {
  Caption v("interval=0");
  v.play();
  v.push(0);
  const Reuse all = fake().seen().last.reuse;
  EXPECT_TRUE(all.draft && all.prefix && all.vision && all.batch);
  gst_util_set_object_arg(G_OBJECT(v.element()), "reuse", "none");
  v.push(1);
  const Reuse none = fake().seen().last.reuse;
  EXPECT_FALSE(none.draft || none.prefix || none.vision || none.batch);
  gst_util_set_object_arg(G_OBJECT(v.element()), "reuse", "prefix+vision");
  v.push(2);
  EXPECT_FALSE(fake().seen().last.reuse.draft);
  // Of the first and the third answer.
  EXPECT_EQ(v.stat("drafted-tokens"), 2u);
  EXPECT_EQ(v.stat("accepted-tokens"), 1u);
  EXPECT_EQ(v.stat("reused-positions"), 6u);
  EXPECT_EQ(v.stat("encodes-saved"), 2u);
  EXPECT_EQ(v.stat("shared-passes"), 4u); // of the first alone
}

} // namespace
} // namespace vlm::test
