// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

namespace vlm::test {
namespace {

using Strings = std::vector<std::string>;

// ---- placeholders
// ---------------------------------------------------------------------------------

using Placeholders = ElementTest;

TEST_F(Placeholders, OfTimeAndStream) {
  Caption v("interval=0 prompt=\"{stream} at {time}, {pts}: {{json}}?\"");
  gst_harness_push_event(v.h(), gst_event_new_stream_start("cam {time}"));
  v.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.time = 3661 * GST_SECOND + 500 * GST_MSECOND;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  v.push(1);
  const std::string asked = "cam {time} at 01:01:01.540, 40000000: {json}?";
  EXPECT_EQ(fake().seen().questions, Strings{asked});
  EXPECT_EQ(text_field(v.bus().caption().get(), "question"), asked);
}

TEST_F(Placeholders, OfTheLastAnswerToTheSamePrompt) {
  Caption v("interval=0 questions=\"<\\\"a {previous}.\\\",\\\"b {previous}{previous}\\\">\"");
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_EQ(fake().seen().questions, (Strings{"a .", "b ", "a answer 1.", "b answer 2answer 2"}));
}

// In a queue the answer is not known before the model had its turn.
TEST_F(Placeholders, AreFilledWithAnAnswerThatCameLate) {
  fake().hold();
  Caption v("interval=0 queue-size=3 prompt=\"then {previous}\"", true);
  v.play();
  for (int n = 0; n < 3; ++n)
    v.push(n);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(fake().seen().questions, (Strings{"then ", "then answer 1", "then answer 2"}));
}

TEST_F(Placeholders, OfALastAnswerEndWithTheStream) {
  Caption v("interval=0 prompt=\"then {previous}\"");
  v.play();
  v.push(0);
  v.flush();
  v.push(0);
  gst_harness_push_event(v.h(), gst_event_new_stream_start("another"));
  v.segment();
  v.push(0);
  EXPECT_EQ(fake().seen().questions, (Strings{"then ", "then ", "then "}));
}

TEST_F(Placeholders, SkipFailures) {
  fake().fail_request(2, ErrorCategory::Failed, "no");
  Caption v("interval=0 on-error=warn prompt=\"then {previous}\"");
  v.play();
  for (int n = 0; n < 3; ++n)
    v.push(n);
  EXPECT_EQ(fake().seen().questions, (Strings{"then ", "then answer 1", "then answer 1"}));
}

// What the model wrote must not look like the mark of a picture.
TEST_F(Placeholders, MarkNoPictures) {
  fake().script({"an <ima<image>ge> tag"});
  Caption v("interval=0 prompt=\"then {previous}\"");
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_EQ(fake().seen().last.question, "then an  tag");
}

// A skipped frame repeats an answer, and says to which question.
TEST_F(Placeholders, OfASkippedFrameAreThoseOfItsAnswer) {
  Caption v("interval=0 change-threshold=0.5 prompt=\"at {pts}?\"");
  v.play();
  v.push(1);
  v.push(2);
  for (int n = 0; n < 2; ++n) {
    const auto record = v.bus().caption();
    EXPECT_EQ(text_field(record.get(), "question"), "at 40000000?") << n;
    EXPECT_EQ(text_field(record.get(), "text"), "answer 1") << n;
  }
}

// Of a window they tell its start.
TEST_F(Placeholders, OfAWindowTellItsStart) {
  Caption v("window=400000000 prompt={time}");
  v.play();
  for (int n = 0; n < 21; ++n)
    v.push(n);
  EXPECT_EQ(fake().seen().questions, (Strings{"00:00:00.000", "00:00:00.400"}));
}

// Room is kept for the last answer.
TEST_F(Placeholders, CountAsText) {
  fake().room(900, 200); // without it there were room for three
  Caption v("window=400000000 frames=3 max-tokens=128 prompt=\"then {previous}\"");
  v.play();
  for (int n = 0; n < 11; ++n)
    v.push(n);
  EXPECT_EQ(fake().seen().last.images.size(), 2u);
}

TEST_F(Placeholders, ThatAreUnknownFailWhilePlayingToo) {
  Caption v("interval=0");
  v.play();
  gst_util_set_object_arg(G_OBJECT(v.element()), "questions", "<\"a?\",\"{frame}?\">");
  EXPECT_EQ(v.push(0), GST_FLOW_ERROR);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("questions=\"{frame}?\""), std::string::npos) << problem.text;
  EXPECT_NE(problem.text.find("{previous}"), std::string::npos) << problem.text;
}

// ---- changed prompts
// ------------------------------------------------------------------------------

class PromptChange : public ElementTest {
protected:
  // Messages about changes among those that were posted so far.
  static std::vector<Own<GstStructure>> changes(Caption &v) {
    std::vector<Own<GstStructure>> out;
    while (const Own<GstMessage> message = v.bus().poll(GST_MESSAGE_ELEMENT))
      if (gst_message_has_name(message.get(), "vlmcaption/prompt-changed"))
        out.emplace_back(gst_structure_copy(gst_message_get_structure(message.get())));
    return out;
  }
};

TEST_F(PromptChange, IsToldOnceWhenItCounts) {
  Caption v("interval=200000000 prompt=first"); // five frames
  v.play();
  v.push(0);
  g_object_set(v.element(), "prompt", "unasked", nullptr);
  g_object_set(v.element(), "prompt", "second", "system-prompt", "be brief", nullptr);
  v.push(4);
  EXPECT_TRUE(changes(v).empty());
  v.push(5);
  v.push(10);
  const auto told = changes(v);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(time_field(told[0].get(), "pts"), 5 * kFrame);
  EXPECT_EQ(text_field(told[0].get(), "system-prompt"), "be brief");
  const GValue *questions = gst_structure_get_value(told[0].get(), "questions");
  ASSERT_TRUE(questions && gst_value_array_get_size(questions) == 1);
  EXPECT_STREQ(g_value_get_string(gst_value_array_get_value(questions, 0)), "second");
  EXPECT_EQ(fake().seen().questions, (Strings{"first", "second", "second"}));
}

// Who sets what is set already waits for a word, too.
TEST_F(PromptChange, ToTheSamePromptIsTold) {
  Caption v("interval=0 prompt=same");
  v.play();
  v.push(0);
  EXPECT_TRUE(changes(v).empty());
  g_object_set(v.element(), "prompt", "same", nullptr);
  v.push(1);
  EXPECT_EQ(changes(v).size(), 1u);
}

TEST_F(PromptChange, OfQuestionsIsToldWithAllOfThem) {
  Caption v("interval=0");
  v.play();
  gst_util_set_object_arg(G_OBJECT(v.element()), "questions", "<\"a?\",\"b?\">");
  v.push(0);
  const auto told = changes(v);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(gst_value_array_get_size(gst_structure_get_value(told[0].get(), "questions")), 2u);
}

// The picture is the same, the question is not.
TEST_F(PromptChange, OpensTheGate) {
  Caption v("interval=0 change-threshold=0.5 prompt=first");
  v.play();
  v.push(0);
  v.push(1);
  g_object_set(v.element(), "prompt", "second", nullptr);
  v.push(2);
  v.push(3);
  EXPECT_EQ(fake().seen().questions, (Strings{"first", "second"}));
  const auto told = changes(v);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(time_field(told[0].get(), "pts"), 2 * kFrame);
}

// A frame that is dropped at once is not asked.
TEST_F(PromptChange, IsNotToldForADroppedFrame) {
  fake().hold();
  Caption v("interval=0 queue-size=0 queue-policy=drop-newest prompt=first", true);
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  g_object_set(v.element(), "prompt", "second", nullptr);
  v.push(1);
  EXPECT_EQ(v.stat("dropped"), 1u);
  EXPECT_TRUE(changes(v).empty());
  fake().release();
  EXPECT_TRUE(v.bus().caption());
  while (v.stat("queue") > 0)
    g_thread_yield();
  v.push(2);
  const auto told = changes(v);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(time_field(told[0].get(), "pts"), 2 * kFrame);
}

TEST_F(PromptChange, WhileStoppedIsNoNews) {
  Caption v("interval=0 prompt=first");
  v.play();
  v.push(0);
  gst_element_set_state(v.element(), GST_STATE_READY);
  g_object_set(v.element(), "prompt", "second", nullptr);
  gst_element_set_state(v.element(), GST_STATE_PLAYING);
  gst_harness_push_event(v.h(), gst_event_new_stream_start("again"));
  v.play();
  v.segment();
  v.push(0);
  EXPECT_EQ(fake().seen().questions, (Strings{"first", "second"}));
  EXPECT_TRUE(changes(v).empty());
}

} // namespace
} // namespace vlm::test
