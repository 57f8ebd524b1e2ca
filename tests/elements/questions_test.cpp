// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

namespace vlm::test {
namespace {

using Questions = ElementTest;

constexpr const char *kTwo = "questions=\"<\\\"a?\\\",\\\"b?\\\">\" ";

std::vector<std::string> told(Bus &bus, const char *second) {
  std::vector<std::string> out;
  for (const auto &r : bus.captions())
    out.push_back(text_field(r.get(), "question") + " " + text_field(r.get(), second));
  return out;
}

// The questions of all records that a frame carries.
std::vector<std::string> carried(GstBuffer *buffer) {
  std::vector<std::string> out;
  const GValue *records = gst_structure_get_value(meta_of(buffer), "records");
  for (guint i = 0; records && i < gst_value_array_get_size(records); ++i)
    out.push_back(
        text_field(gst_value_get_structure(gst_value_array_get_value(records, i)), "question"));
  return out;
}

TEST_F(Questions, YieldOneRecordEachInTheirOrder) {
  Caption v(std::string(kTwo) + "prompt=unused interval=80000000");
  v.play();
  for (int n = 0; n < 4; ++n)
    v.push(n);
  EXPECT_EQ(told(v.bus(), "text"),
            (std::vector<std::string>{"a? answer 1", "b? answer 2", "a? answer 3", "b? answer 4"}));
  EXPECT_EQ(fake().seen().questions, (std::vector<std::string>{"a?", "b?", "a?", "b?"}));
  for (int n = 0; n < 4; ++n) { // the frame itself and the one that holds them
    const auto out = v.pull();
    EXPECT_EQ(carried(out.get()), (std::vector<std::string>{"a?", "b?"})) << n;
    EXPECT_EQ(caption_of(out.get()), n < 2 ? "answer 1" : "answer 3");
    EXPECT_EQ(state_of(out.get()), n % 2 ? "held" : "fresh");
  }
}

TEST_F(Questions, OfAFrameShareWhatTheModelSees) {
  Caption v(std::string(kTwo) + "interval=40000000");
  v.play();
  v.push(0);
  v.push(1);
  const auto memories = fake().seen().memories;
  ASSERT_EQ(memories.size(), 4u);
  ASSERT_NE(memories[0], nullptr);
  EXPECT_EQ(memories[0], memories[1]);
  EXPECT_EQ(memories[2], memories[3]);
  EXPECT_NE(memories[0], memories[2]);
}

// The queue counts frames: one that is dropped goes with all its questions.
TEST_F(Questions, OfAFrameAreDroppedTogether) {
  fake().hold();
  Caption v(std::string(kTwo) + "interval=0 queue-size=1", true);
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  v.push(1);
  v.push(2);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  EXPECT_EQ(told(v.bus(), "status"), (std::vector<std::string>{"a? ok", "b? ok", "a? dropped",
                                                               "b? dropped", "a? ok", "b? ok"}));
}

TEST_F(Questions, AreRepeatedEachWithItsAnswer) {
  Caption v(std::string(kTwo) + "interval=0 change-threshold=0.1");
  v.play();
  v.push(0);
  v.push(1);
  EXPECT_EQ(told(v.bus(), "text"),
            (std::vector<std::string>{"a? answer 1", "b? answer 2", "a? answer 1", "b? answer 2"}));
}

// What failed travels ahead of its frame, which carries the others.
TEST_F(Questions, OfAFrameMayFailOneByOne) {
  fake().fail_request(2, ErrorCategory::Failed, "hiccup");
  Caption v("questions=\"<\\\"a?\\\",\\\"b?\\\",\\\"c?\\\">\" on-error=warn");
  const Own<GstPad> src(gst_element_get_static_pad(v.element(), "src"));
  TextLog log(src.get());
  v.play();
  v.push(0);
  EXPECT_EQ(carried(v.pull().get()), (std::vector<std::string>{"a?", "c?"}));
  const auto event = log.event(GST_EVENT_CUSTOM_DOWNSTREAM);
  ASSERT_TRUE(event);
  const GstStructure *record = gst_event_get_structure(event.get());
  EXPECT_STREQ(gst_structure_get_name(record), "vlmcaption/record");
  EXPECT_EQ(text_field(record, "question"), "b?");
  EXPECT_EQ(text_field(record, "status"), "failed");
  EXPECT_EQ(text_field(record, "error"), "hiccup");
}

TEST_F(Questions, AreTextBuffersOfTheSameTime) {
  Caption v(std::string(kTwo) + "interval=0");
  TextLog &text = v.text();
  v.play();
  v.push(0);
  v.push(1);
  ASSERT_TRUE(text.wait_texts(4));
  std::vector<GstClockTime> starts;
  for (const auto &item : text.texts())
    starts.push_back(item.start);
  EXPECT_EQ(starts, (std::vector<GstClockTime>{0, 0, kFrame, kFrame}));
}

TEST_F(Questions, MustNotBeEmpty) {
  Caption v("interval=0");
  v.play();
  gst_util_set_object_arg(G_OBJECT(v.element()), "questions", "<\"a?\",\"\">");
  EXPECT_EQ(v.push(0), GST_FLOW_ERROR);
  const Problem problem = problem_of(v.bus().wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("questions"), std::string::npos) << problem.text;
}

} // namespace
} // namespace vlm::test
