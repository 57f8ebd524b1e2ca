// SPDX-License-Identifier: LGPL-2.1-or-later
// What all request pads have in common: they are sparse streams of their own, and come and go.
#include "tests/support/harness.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <thread>

namespace vlm::test {
namespace {

using nlohmann::json;

constexpr const char *kPads[] = {"text_src", "prompt_src", "json_src"};

// Every answer has something for every pad.
class Outlets : public ElementTest, public ::testing::WithParamInterface<const char *> {
protected:
  void SetUp() override { fake().script(numbered(1000)); }

  static std::vector<std::string> numbered(int count) {
    std::vector<std::string> out;
    for (int n = 1; n <= count; ++n)
      out.push_back("<h>picture " + std::to_string(n) + "</h>");
    return out;
  }

  // What the pad says of the answer number `n`.
  static std::string said(const TextLog::Item &item) {
    const std::string pad = GetParam();
    if (pad == "json_src")
      return json::parse(item.text).at("generation-prompt");
    if (pad == "prompt_src")
      return item.text;
    EXPECT_EQ(item.text.substr(0, 3), "<h>");
    return item.text.substr(3, item.text.size() - 7);
  }

  Own<GstPad> request(Caption &v) {
    return Own<GstPad>(gst_element_request_pad_simple(v.element(), GetParam()));
  }
};

std::string properties(const std::string &more = "interval=0") { return "generate=auto " + more; }

INSTANTIATE_TEST_SUITE_P(, Outlets, ::testing::ValuesIn(kPads),
                         [](const auto &pad) { return std::string(pad.param); });

TEST_P(Outlets, FollowTheContract) {
  Caption v(properties("interval=200000000"));
  TextLog &log = v.outlet(GetParam());
  v.play();
  for (int n = 0; n < 12; ++n)
    v.push(n);
  EXPECT_TRUE(v.eos().get());
  ASSERT_TRUE(log.wait_event(GST_EVENT_EOS));
  const auto texts = log.texts();
  ASSERT_EQ(texts.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(said(texts[i]), "picture " + std::to_string(i + 1));
    EXPECT_EQ(texts[i].start, i * 5 * kFrame);
    EXPECT_EQ(texts[i].end, (i + 1) * 5 * kFrame);
  }
  expect_covered(log.items(), 0, 12 * kFrame);
  EXPECT_EQ(log.events(), (std::vector<GstEventType>{GST_EVENT_STREAM_START, GST_EVENT_CAPS,
                                                     GST_EVENT_SEGMENT, GST_EVENT_EOS}));
  GstStreamFlags flags = GST_STREAM_FLAG_NONE;
  gst_event_parse_stream_flags(log.event(GST_EVENT_STREAM_START).get(), &flags);
  EXPECT_TRUE(flags & GST_STREAM_FLAG_SPARSE);
}

TEST_P(Outlets, GapsOvertakeALateAnswer) {
  fake().hold();
  Caption v(properties("interval=10000000000"), true);
  TextLog &log = v.outlet(GetParam());
  v.play();
  for (int n = 0; n < 25; ++n)
    v.push(n);
  ASSERT_TRUE(log.wait_position(25 * kFrame));
  EXPECT_TRUE(log.texts().empty());
  fake().release();
  ASSERT_TRUE(log.wait_texts(1));
  EXPECT_EQ(log.texts()[0].start, 25 * kFrame);
}

TEST_P(Outlets, EndAfterTheLastAnswer) {
  fake().hold();
  Caption v(properties(), true);
  TextLog &log = v.outlet(GetParam());
  v.play();
  v.push(0);
  EXPECT_TRUE(fake().wait_begun(1));
  auto eos = v.eos();
  fake().release();
  EXPECT_TRUE(eos.get());
  ASSERT_TRUE(log.wait_event(GST_EVENT_EOS));
  EXPECT_EQ(log.texts().size(), 1u);
}

TEST_P(Outlets, AreEmptiedByAFlushAndGoOn) {
  fake().hold();
  fake().deaf();
  Caption v(properties(), true);
  TextLog &log = v.outlet(GetParam());
  v.play();
  v.push(100);
  EXPECT_TRUE(fake().wait_begun(1));
  gst_harness_push_event(v.h(), gst_event_new_flush_start());
  gst_harness_push_event(v.h(), gst_event_new_flush_stop(TRUE));
  log.clear();
  v.segment();
  fake().release();
  EXPECT_TRUE(fake().wait_ended(1));
  v.push(1);
  ASSERT_TRUE(log.wait_texts(1));
  EXPECT_LE(log.texts()[0].start, 2 * kFrame);
  EXPECT_EQ(log.texts().size(), 1u); // what was under way is gone
}

TEST_P(Outlets, MayBeRequestedWhilePlaying) {
  Caption v(properties());
  v.play();
  v.push(0);
  TextLog &log = v.outlet(GetParam());
  v.push(1);
  ASSERT_TRUE(log.wait_texts(1));
  EXPECT_EQ(log.texts()[0].start, kFrame);
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), GetParam()));
  for (const GstEventType type : {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT})
    EXPECT_TRUE(Own<GstEvent>(gst_pad_get_sticky_event(pad.get(), type, 0)))
        << gst_event_type_get_name(type);
}

TEST_P(Outlets, AreThereOnce) {
  Caption v;
  GstPadTemplate *kind = gst_element_get_pad_template(v.element(), GetParam());
  const auto nameless = [&] {
    return Own<GstPad>(gst_element_request_pad(v.element(), kind, nullptr, nullptr));
  };
  const auto first = nameless();
  EXPECT_TRUE(first);
  EXPECT_FALSE(nameless());
  gst_element_release_request_pad(v.element(), first.get());
  EXPECT_TRUE(nameless());
}

TEST_P(Outlets, MayBeReleasedWithAnAnswerUnderWay) {
  fake().hold();
  Caption v(properties(), true);
  v.play();
  for (int i = 0; i < 50; ++i) {
    const auto pad = request(v);
    ASSERT_TRUE(pad);
    v.push(i);
    gst_element_release_request_pad(v.element(), pad.get());
  }
  fake().release();
  EXPECT_TRUE(v.eos().get());
}

TEST_P(Outlets, UnlinkedDisturbNobody) {
  Caption v(properties());
  const auto pad = request(v);
  v.play();
  for (int n = 0; n < 600; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
}

TEST_P(Outlets, BlockedDoNotStopLiveVideo) {
  Caption v(properties("interval=0 queue-policy=block"), true);
  TextLog &log = v.outlet(GetParam());
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), GetParam()));
  const gulong blocked = block(pad.get());
  v.play();
  for (int n = 0; n < 600; ++n)
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  EXPECT_TRUE(v.eos().get());
  gst_pad_remove_probe(pad.get(), blocked);
  EXPECT_TRUE(log.wait_event(GST_EVENT_EOS));
  EXPECT_LE(log.texts().size(), 256u + 1);
  EXPECT_EQ(said(log.texts().back()), "picture 600"); // the newest are kept
  expect_covered(log.items(), 0, 600 * kFrame);
}

// A file waits for whoever reads; nothing is lost, and a stop does not wait.
TEST_P(Outlets, BlockedHoldAFileUntilReadOrStopped) {
  Caption v(properties());
  TextLog &log = v.outlet(GetParam());
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), GetParam()));
  const gulong blocked = block(pad.get());
  v.play();
  int pushed = 0;
  auto pushing = std::async(std::launch::async, [&] {
    GstFlowReturn flow = GST_FLOW_OK;
    while (pushed < 400 && (flow = v.push(pushed)) == GST_FLOW_OK)
      ++pushed;
    return flow;
  });
  EXPECT_TRUE(fake().wait_ended(100));
  gst_pad_remove_probe(pad.get(), blocked);
  EXPECT_EQ(pushing.get(), GST_FLOW_OK);
  ASSERT_TRUE(log.wait_texts(400));
  for (size_t i = 0; i < 400; ++i)
    ASSERT_EQ(said(log.texts()[i]), "picture " + std::to_string(i + 1));

  block(pad.get());
  pushed = 0;
  auto held = std::async(std::launch::async, [&] {
    GstFlowReturn flow = GST_FLOW_OK;
    for (int n = 400; n < 1000 && flow == GST_FLOW_OK; ++n)
      flow = v.push(n);
    return flow;
  });
  EXPECT_TRUE(fake().wait_ended(500));
  EXPECT_LT(milliseconds([&] { gst_element_set_state(v.element(), GST_STATE_NULL); }), kAtOnce);
  EXPECT_EQ(held.get(), GST_FLOW_FLUSHING);
}

// ---- together
// -----------------------------------------------------------------------------------

using Together = ElementTest;

TEST_F(Together, TheyHaveStreamsOfTheirOwn) {
  Caption v;
  std::vector<std::string> ids;
  for (const char *pad : kPads)
    v.outlet(pad);
  gst_harness_push_event(v.h(), gst_event_new_stream_start("movie"));
  v.play();
  v.push(0);
  for (const char *pad : kPads) {
    ASSERT_TRUE(v.outlet(pad).wait_position(kFrame)) << pad;
    const auto event = v.outlet(pad).event(GST_EVENT_STREAM_START);
    const gchar *id = nullptr;
    gst_event_parse_stream_start(event.get(), &id);
    ids.push_back(id);
  }
  EXPECT_EQ(ids, (std::vector<std::string>{"movie/text", "movie/prompt", "movie/records"}));
}

// In every combination, while video goes on.
TEST_F(Together, TheyComeAndGo) {
  fake().script({"<h>p</h>"});
  Caption v(properties());
  v.play();
  for (int n = 0; n < 64; ++n) {
    for (int i = 0; i < 3; ++i) {
      const bool wanted = (n >> i) & 1;
      Own<GstPad> pad(gst_element_get_static_pad(v.element(), kPads[i]));
      if (wanted && !pad)
        EXPECT_TRUE(Own<GstPad>(gst_element_request_pad_simple(v.element(), kPads[i])));
      else if (!wanted && pad)
        gst_element_release_request_pad(v.element(), pad.get());
    }
    ASSERT_EQ(v.push(n), GST_FLOW_OK);
  }
  EXPECT_TRUE(v.eos().get());
  EXPECT_FALSE(v.bus().poll(GST_MESSAGE_ERROR));
}

// Of one frame's many questions nothing is lost when nobody reads in time.
TEST_F(Together, AFileLosesNoneOfManyQuestions) {
  std::string questions;
  for (int i = 0; i < 100; ++i)
    questions += (i ? ",\\\"q" : "\\\"q") + std::to_string(i) + "\\\"";
  Caption v("interval=0 questions=\"<" + questions + ">\"");
  TextLog &log = v.outlet("json_src");
  const Own<GstPad> pad(gst_element_get_static_pad(v.element(), "json_src"));
  const gulong blocked = block(pad.get());
  v.play();
  auto pushing = std::async(std::launch::async, [&] {
    for (int n = 0; n < 5; ++n)
      v.push(n);
  });
  EXPECT_TRUE(fake().wait_ended(300));
  gst_pad_remove_probe(pad.get(), blocked);
  pushing.get();
  EXPECT_TRUE(log.wait_texts(500));
}

} // namespace
} // namespace vlm::test
