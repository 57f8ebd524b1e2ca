// SPDX-License-Identifier: LGPL-2.1-or-later
// Generation prompts, and the pads that carry them and whole records.
#include "tests/support/captioned.h"

#include <nlohmann/json.hpp>

namespace vlm::test {
namespace {

using nlohmann::json;
using Generate = ElementTest;
using JsonPad = ElementTest;

std::vector<std::string> fields(TextLog &log, const char *name) {
  std::vector<std::string> out;
  for (const auto &item : log.texts())
    out.push_back(json::parse(item.text).at(name));
  return out;
}

// ---- generate
// -----------------------------------------------------------------------------------

TEST_F(Generate, NeverNeitherAsksNorPassesOn) {
  fake().script({"Here: <h>a cat</h>"});
  Caption v("interval=0 prompt=\"Draw it.\"");
  TextLog &prompts = v.outlet("prompt_src");
  v.play();
  v.push(0);
  ASSERT_TRUE(prompts.wait_position(kFrame));
  EXPECT_TRUE(prompts.texts().empty());
  EXPECT_FALSE(fake().seen().last.generate);
  const auto record = v.bus().caption();
  EXPECT_FALSE(gst_structure_has_field(record.get(), "generation-prompt"));
  EXPECT_EQ(text_field(record.get(), "text"), "Here: <h>a cat</h>");
}

TEST_F(Generate, AutoPassesOnWhatTheModelWritesByItself) {
  fake().script({"no picture", "Here: <h> a cat </h>", "<h>half"});
  Caption v("interval=0 generate=auto");
  TextLog &prompts = v.outlet("prompt_src");
  v.play();
  for (int n = 0; n < 3; ++n)
    v.push(n);
  ASSERT_TRUE(prompts.wait_position(3 * kFrame));
  EXPECT_FALSE(fake().seen().last.generate);
  ASSERT_EQ(prompts.texts().size(), 1u);
  EXPECT_EQ(prompts.texts()[0].text, "a cat");
  EXPECT_EQ(prompts.texts()[0].start, kFrame);
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(text_field(records[1].get(), "generation-prompt"), "a cat");
}

// The model's own word in the question asks for it: used byte for byte, and not doubled.
TEST_F(Generate, AutoAsksByTheQuestionItself) {
  Caption v("interval=0 generate=auto prompt=\"Draw it. <GEN>\"");
  v.play();
  v.push(0);
  EXPECT_FALSE(fake().seen().last.generate);
  EXPECT_EQ(fake().seen().last.question, "Draw it. <GEN>");
}

TEST_F(Generate, AlwaysAsksEveryQuestionOnce) {
  Caption v("interval=0 generate=always questions=\"<\\\"a?\\\",\\\"b? <GEN>\\\">\"");
  v.play();
  v.push(0);
  const auto asked = fake().seen();
  EXPECT_EQ(asked.questions, (std::vector<std::string>{"a?", "b? <GEN>"}));
  EXPECT_EQ(asked.generate, (std::vector<bool>{true, false}));
}

TEST_F(Generate, MayBeChangedWhilePlaying) {
  fake().script({"<h>p</h>"});
  Caption v("interval=0");
  TextLog &prompts = v.outlet("prompt_src");
  v.play();
  v.push(0);
  g_object_set(v.element(), "generate", 2, nullptr);
  v.push(1);
  ASSERT_TRUE(prompts.wait_texts(1));
  EXPECT_EQ(prompts.texts()[0].start, kFrame);
  EXPECT_TRUE(fake().seen().last.generate);
}

// One picture for each answer: a repeated text does not ask for another.
TEST_F(Generate, SkippedFramesHaveNoPrompt) {
  fake().script({"<h>p</h>"});
  Caption v("interval=0 generate=auto change-threshold=0.1");
  TextLog &prompts = v.outlet("prompt_src");
  v.play();
  v.push(0);
  v.push(1);
  ASSERT_TRUE(prompts.wait_position(2 * kFrame));
  EXPECT_EQ(prompts.texts().size(), 1u);
}

// ---- json_src
// -----------------------------------------------------------------------------------

TEST_F(JsonPad, HasEveryRecordInOrder) {
  fake().fail_request(2, ErrorCategory::Data, "unusable");
  Caption v("interval=0 on-error=warn change-threshold=0.1");
  TextLog &lines = v.outlet("json_src");
  v.play();
  v.push(0);
  v.push(1, 250);
  v.push(2);
  v.push(3);
  ASSERT_TRUE(lines.wait_texts(4));
  EXPECT_EQ(fields(lines, "status"),
            (std::vector<std::string>{"ok", "failed", "ok", "skipped-unchanged"}));
  EXPECT_EQ(json::parse(lines.texts()[1].text).at("error"), "unusable");
  for (int n = 0; n < 4; ++n) {
    EXPECT_EQ(lines.texts()[n].text.back(), '\n');
    EXPECT_EQ(json::parse(lines.texts()[n].text).at("sequence"), n + 1);
    EXPECT_EQ(lines.texts()[n].start, n * kFrame);
  }
}

TEST_F(JsonPad, HasDroppedRecords) {
  fake().hold();
  Caption v("interval=0 queue-size=1", true);
  TextLog &lines = v.outlet("json_src");
  v.wait_loaded();
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  for (int n = 1; n < 4; ++n)
    v.push(n);
  fake().release();
  EXPECT_TRUE(v.eos().get());
  ASSERT_TRUE(lines.wait_event(GST_EVENT_EOS));
  EXPECT_EQ(fields(lines, "status"), (std::vector<std::string>{"ok", "dropped", "dropped", "ok"}));
}

// Where a text is left out, for it shows nowhere, a record is not lost.
TEST_F(JsonPad, KeepsRecordsFromOutsideTheSegment) {
  Caption v("interval=0");
  TextLog &lines = v.outlet("json_src");
  TextLog &text = v.text();
  v.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_TIME);
  segment.start = 2 * kFrame;
  segment.stop = 4 * kFrame;
  gst_harness_push_event(v.h(), gst_event_new_segment(&segment));
  for (const int n : {2, 3, 8})
    v.push(n);
  ASSERT_TRUE(lines.wait_texts(3));
  ASSERT_TRUE(text.wait_position(9 * kFrame));
  EXPECT_EQ(text.texts().size(), 2u);
  for (const auto &line : lines.texts()) {
    EXPECT_GE(line.start, segment.start);
    EXPECT_LT(line.start, segment.stop);
  }
}

// Byte for byte what vlmmeta2json would have written.
TEST_F(JsonPad, WritesWhatMeta2jsonWrites) {
  fake().script({"a \"b\" \\ <h>c</h>"});
  Reader chain("vlmcaption name=v mode=sync interval=0 generate=auto ! vlmmeta2json  "
               "v.json_src ! fakesink sync=false async=false");
  const Own<GstElement> v(gst_bin_get_by_name(GST_BIN(chain.element()), "v"));
  const Own<GstPad> pad(gst_element_get_static_pad(v.get(), "json_src"));
  TextLog lines(pad.get());
  chain.play();
  chain.push(chain.frame(0));
  ASSERT_TRUE(lines.wait_texts(1));
  const auto theirs = chain.pull();
  ASSERT_TRUE(theirs);
  EXPECT_EQ(lines.texts()[0].text, bytes_of(theirs.get()));
}

} // namespace
} // namespace vlm::test
