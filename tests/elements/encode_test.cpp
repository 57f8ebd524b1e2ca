// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/captioned.h"
#include "tests/support/limited_pool.h"
#include "tests/support/slow_handler.h"

#include <dlfcn.h>

#include <algorithm>
#include <set>

namespace vlm::test {
namespace {

using Encode = ElementTest;

// How often a model had to look at pictures.
int looks() {
  void *library = dlopen(g_getenv("GST_VLM_ENGINE"), RTLD_NOW | RTLD_LOCAL);
  const int count = reinterpret_cast<int (*)()>(dlsym(library, "fake_looks"))();
  dlclose(library);
  return count;
}

Own<GstElement> find(Reader &chain, const char *name) {
  if (!GST_IS_BIN(chain.element()))
    return Own<GstElement>(GST_ELEMENT(gst_object_ref(chain.element())));
  return Own<GstElement>(gst_bin_get_by_name(GST_BIN(chain.element()), name));
}

guint64 stat(Reader &chain, const char *name, const char *field) {
  const auto element = find(chain, name);
  GstStructure *stats = nullptr;
  g_object_get(element.get(), "stats", &stats, nullptr);
  const guint64 value = time_field(stats, field);
  gst_structure_free(stats);
  return value;
}

// Starts anew, and goes on when every element has its model.
void start(Reader &chain, int elements) {
  gst_element_set_state(chain.element(), GST_STATE_NULL);
  while (chain.bus().poll(GST_MESSAGE_ANY))
    ; // of the first start
  gst_element_set_state(chain.element(), GST_STATE_PLAYING);
  while (elements > 0) {
    const auto message = chain.bus().wait(GST_MESSAGE_PROGRESS);
    ASSERT_TRUE(message);
    GstProgressType type;
    gst_message_parse_progress(message.get(), &type, nullptr, nullptr);
    elements -= type == GST_PROGRESS_TYPE_COMPLETE;
  }
  chain.play();
}

TEST_F(Encode, HasThePropertiesOfTheModelAndTheInterval) {
  Reader encoder("vlmencode");
  guint count = 0;
  GParamSpec **specs =
      g_object_class_list_properties(G_OBJECT_GET_CLASS(encoder.element()), &count);
  std::set<std::string> own;
  for (guint i = 0; i < count; ++i)
    if (specs[i]->owner_type == G_OBJECT_TYPE(encoder.element()))
      own.insert(specs[i]->name);
  g_free(specs);
  EXPECT_EQ(own, (std::set<std::string>{"model-path", "device", "precision", "threads", "interval",
                                        "stats"}));
}

TEST_F(Encode, MarksTheFramesThatAreDue) {
  Reader encoder("vlmencode interval=80000000");
  encoder.play();
  for (int n = 0; n < 4; ++n) {
    ASSERT_EQ(encoder.push(encoder.frame(n)), GST_FLOW_OK);
    EXPECT_EQ(tokens_on(encoder.pull().get()), n % 2 == 0) << n;
  }
  EXPECT_TRUE(fake().wait_ended(2));
  EXPECT_EQ(fake().seen().last.max_tokens, 0);
  EXPECT_EQ(stat(encoder, "", "frames"), 4u);
  EXPECT_EQ(stat(encoder, "", "due"), 2u);
}

TEST_F(Encode, CaptionerBehindDoesNotLookAgain) {
  Reader chain("vlmencode interval=0 ! vlmcaption name=v mode=sync interval=0");
  start(chain, 2);
  for (int n = 0; n < 3; ++n)
    ASSERT_EQ(chain.push(chain.frame(n)), GST_FLOW_OK);
  EXPECT_EQ(caption_of(chain.pull().get()), "answer 2");
  EXPECT_EQ(looks(), 3);
  EXPECT_EQ(stat(chain, "v", "reused"), 3u);
}

TEST_F(Encode, QuestionAtRunTimeDoesNotLookAgain) {
  Reader chain("vlmencode interval=0 ! vlmcaption name=v mode=sync interval=0");
  start(chain, 2);
  ASSERT_EQ(chain.push(chain.frame(0)), GST_FLOW_OK);
  EXPECT_EQ(looks(), 1);
  guint64 id = 0;
  g_signal_emit_by_name(find(chain, "v").get(), "ask", "what else?", &id);
  EXPECT_NE(id, 0u);
  EXPECT_TRUE(fake().wait_ended(3)); // the look, the caption, the question
  EXPECT_EQ(looks(), 1);
}

// Whoever the model comes to first looks, in whichever branch.
TEST_F(Encode, BranchesShareOneLook) {
  EXPECT_EQ(run_pipeline("videotestsrc num-buffers=6 ! vlmencode interval=0 ! tee name=t  "
                         "t. ! queue ! vlmcaption interval=0 mode=sync prompt=a ! fakesink  "
                         "t. ! queue ! vlmcaption interval=0 mode=sync prompt=b ! vlmcaption "
                         "interval=0 mode=sync prompt=c ! fakesink"),
            "");
  const auto questions = fake().seen().questions;
  for (const char *question : {"a", "b", "c"})
    EXPECT_EQ(std::count(questions.begin(), questions.end(), question), 6) << question;
  EXPECT_EQ(looks(), 6);
}

TEST_F(Encode, AnotherModelLooksForItself) {
  Reader chain("vlmencode interval=0 ! vlmcaption name=v model-path=/other mode=sync interval=0 "
               "questions=\"<\\\"a?\\\",\\\"b?\\\">\"");
  start(chain, 2);
  ASSERT_EQ(chain.push(chain.frame(0)), GST_FLOW_OK);
  EXPECT_TRUE(fake().wait_ended(3));
  EXPECT_EQ(looks(), 2);
  EXPECT_EQ(stat(chain, "v", "reused"), 0u);
}

struct Alteration {
  const char *elements;
  bool same_picture;
};
void PrintTo(const Alteration &alteration, std::ostream *out) { *out << alteration.elements; }

class EncodeAltered : public ElementTest, public ::testing::WithParamInterface<Alteration> {};

TEST_P(EncodeAltered, PicturesAreLookedAtAnew) {
  const std::string between = GetParam().elements;
  GstElement *probe = gst_parse_launch(between.c_str(), nullptr);
  if (!probe)
    GTEST_SKIP() << between << ": an element is not installed";
  gst_object_unref(gst_object_ref_sink(probe));
  Reader chain("vlmencode interval=0 ! " + between + " ! vlmcaption name=v mode=sync interval=0");
  start(chain, 2);
  ASSERT_EQ(chain.push(chain.frame(0)), GST_FLOW_OK);
  EXPECT_TRUE(fake().wait_ended(2));
  EXPECT_EQ(stat(chain, "v", "reused"), GetParam().same_picture);
  EXPECT_EQ(looks(), GetParam().same_picture ? 1 : 2);
}

INSTANTIATE_TEST_SUITE_P(
    Encode, EncodeAltered,
    ::testing::Values(Alteration{"identity ! queue", true},
                      Alteration{"videoconvert ! videoscale", true},
                      Alteration{"videocrop left=8", false},
                      Alteration{"videoscale ! video/x-raw,width=32,height=24", false},
                      Alteration{"videoflip video-direction=180", false},
                      Alteration{"videoconvert ! video/x-raw,format=GRAY8", false}),
    [](const auto &info) { return std::to_string(info.index); });

TEST_F(Encode, TokensGoWithWholeCopiesOnly) {
  Reader encoder("vlmencode interval=0");
  encoder.play();
  encoder.push(encoder.frame(0));
  const auto frame = encoder.pull();
  const Own<GstBuffer> copy(gst_buffer_copy(frame.get()));
  EXPECT_EQ(tokens_on(copy.get()), 1);
  const Own<GstBuffer> deep(gst_buffer_copy_deep(frame.get()));
  EXPECT_EQ(tokens_on(deep.get()), 1);
  const Own<GstBuffer> part(gst_buffer_copy_region(
      frame.get(), GstBufferCopyFlags(GST_BUFFER_COPY_MEMORY | GST_BUFFER_COPY_META), 0, 64));
  EXPECT_EQ(tokens_on(part.get()), 0);
}

// The tokens of the whole are not those of the part that a crop meta leaves.
TEST_F(Encode, CropMetaMakesAnotherPicture) {
  Reader encoder("vlmencode interval=0");
  encoder.play();
  encoder.push(encoder.frame(0));
  auto frame = encoder.pull();
  Reader captioner("vlmcaption mode=sync interval=0");
  captioner.play();
  EXPECT_TRUE(fake().wait_ended(1));
  GstVideoCropMeta *crop = gst_buffer_add_video_crop_meta(frame.get());
  crop->x = crop->y = 0;
  crop->width = crop->height = 16;
  captioner.push(frame.release());
  EXPECT_EQ(stat(captioner, "", "reused"), 0u);
  EXPECT_EQ(looks(), 2);
}

// One with the model, four that wait: the rest makes room, and the video has noticed nothing.
TEST_F(Encode, NeverHoldsTheVideoUp) {
  fake().hold();
  fake().deaf();
  Reader encoder("vlmencode interval=0");
  start(encoder, 1);
  encoder.push(encoder.frame(0));
  EXPECT_TRUE(fake().wait_begun(1));
  for (int n = 1; n < 10; ++n)
    ASSERT_EQ(encoder.push(encoder.frame(n)), GST_FLOW_OK);
  for (int n = 0; n < 10; ++n)
    EXPECT_EQ(tokens_on(encoder.pull().get()), 1);
  EXPECT_EQ(stat(encoder, "", "dropped"), 5u);
  encoder.flush();
  EXPECT_LT(milliseconds([&] { gst_element_set_state(encoder.element(), GST_STATE_NULL); }),
            kAtOnce);
  fake().release();
  EXPECT_TRUE(fake().wait_ended(1));
  EXPECT_EQ(fake().seen().begun, 1);
}

// What waits for a look holds no memory of a pool that has no more, behind a tee neither.
TEST_F(Encode, MemoryOfALimitedPoolIsLetGo) {
  fake().hold();
  Reader encoder("vlmencode interval=0");
  start(encoder, 1);
  const Pool pool = limited_pool(encoder.info().size);
  for (int n = 0; n < 2 * int(kPoolBuffers); ++n) {
    const Own<GstBuffer> frame = acquire(pool.get(), n);
    ASSERT_TRUE(frame) << n;
    encoder.push(gst_buffer_ref(frame.get()));
    encoder.pull();
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(frame.get()), 1) << n;
    EXPECT_EQ(GST_MINI_OBJECT_REFCOUNT_VALUE(gst_buffer_peek_memory(frame.get(), 0)), 1) << n;
  }
  fake().release();
}

TEST_F(Encode, FailedLookIsAWarning) {
  fake().fail_request(1, ErrorCategory::Failed, "hiccup");
  Reader encoder("vlmencode interval=0");
  encoder.play();
  encoder.push(encoder.frame(0));
  const auto warning = encoder.bus().wait(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  EXPECT_EQ(problem_of(warning.get()).text, "hiccup");
  EXPECT_EQ(encoder.push(encoder.frame(1)), GST_FLOW_OK);
  EXPECT_TRUE(fake().wait_ended(2));
  EXPECT_EQ(stat(encoder, "", "failed"), 1u);
}

TEST_F(Encode, StopLetsAWarningsHandlerReturn) {
  fake().fail_request(1, ErrorCategory::Failed, "hiccup");
  Reader encoder("vlmencode interval=0");
  SlowHandler handler(encoder.element(), GST_MESSAGE_WARNING);
  encoder.play();
  encoder.push(encoder.frame(0));
  handler.wait_entered();
  gst_element_set_state(encoder.element(), GST_STATE_NULL);
  EXPECT_TRUE(handler.returned());
}

TEST_F(Encode, MissingModelEndsTheStream) {
  fake().fail_open(ErrorCategory::Memory, "too large");
  Reader encoder("vlmencode");
  gst_element_set_state(encoder.element(), GST_STATE_NULL);
  while (encoder.bus().poll(GST_MESSAGE_ANY))
    ; // of the first start
  gst_element_set_state(encoder.element(), GST_STATE_PLAYING);
  encoder.play();
  const auto error = encoder.bus().wait(GST_MESSAGE_ERROR);
  ASSERT_TRUE(error);
  EXPECT_EQ(problem_of(error.get()).text, "too large");
  GstProgressType type = GST_PROGRESS_TYPE_START;
  while (type != GST_PROGRESS_TYPE_ERROR) {
    const auto message = encoder.bus().wait(GST_MESSAGE_PROGRESS);
    ASSERT_TRUE(message);
    gst_message_parse_progress(message.get(), &type, nullptr, nullptr);
  }
  gst_element_set_state(encoder.element(), GST_STATE_READY); // the loader is done
}

TEST_F(Encode, HundredRoundsLeaveNothingBehind) {
  Reader encoder("vlmencode interval=0");
  for (int i = 0; i < 100; ++i) {
    encoder.play();
    ASSERT_EQ(encoder.push(encoder.frame(0)), GST_FLOW_OK) << i;
    encoder.pull();
    gst_element_set_state(encoder.element(), GST_STATE_NULL);
    gst_element_set_state(encoder.element(), GST_STATE_PLAYING);
  }
}

TEST_F(Encode, NeedsATimeSegment) {
  Reader encoder("vlmencode");
  encoder.play();
  GstSegment segment;
  gst_segment_init(&segment, GST_FORMAT_BYTES);
  encoder.push(gst_event_new_segment(&segment));
  EXPECT_EQ(problem_of(encoder.bus().wait(GST_MESSAGE_ERROR).get()).domain, GST_STREAM_ERROR);
}

} // namespace
} // namespace vlm::test
