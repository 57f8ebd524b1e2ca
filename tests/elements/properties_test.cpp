// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/harness.h"

#include <atomic>
#include <set>
#include <thread>

namespace vlm::test {
namespace {

using Properties = ElementTest;

Own<GstElement> make() {
  return Own<GstElement>(
      GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("vlmcaption", nullptr))));
}

std::set<std::string> writable(GstElement *element) {
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element), &count);
  std::set<std::string> out;
  for (guint i = 0; i < count; ++i)
    if (specs[i]->owner_type == G_OBJECT_TYPE(element) && (specs[i]->flags & G_PARAM_WRITABLE))
      out.insert(specs[i]->name);
  g_free(specs);
  return out;
}

// Every property of the first version, and nothing else of our own.
TEST_F(Properties, AreAllThere) {
  const std::set<std::string> expected = {
      "model-path",     "device",           "precision",     "threads",   "template",
      "mode",           "prompt",           "system-prompt", "questions", "region-prompt",
      "max-regions",    "interval",         "window",        "overlap",   "frames",
      "max-tokens",     "temperature",      "top-k",         "top-p",     "seed",
      "generate",       "json-schema",      "ocr",           "history",   "queue-size",
      "queue-policy",   "change-threshold", "max-silence",   "latency",   "look-back",
      "repeat-caption", "look-back-bytes",  "post-messages", "on-error",  "stats",
      "reuse"};
  const auto element = make();
  ASSERT_TRUE(element);
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element.get()), &count);
  std::set<std::string> own;
  for (guint i = 0; i < count; ++i)
    if (specs[i]->owner_type == G_OBJECT_TYPE(element.get()))
      own.insert(specs[i]->name);
  g_free(specs);
  EXPECT_EQ(own, expected);
}

// Each says when it may change, in one way, and explains itself in a sentence.
TEST_F(Properties, SayWhenTheyMayChange) {
  const auto element = make();
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element.get()), &count);
  for (guint i = 0; i < count; ++i) {
    const GParamSpec *spec = specs[i];
    if (spec->owner_type != G_OBJECT_TYPE(element.get()))
      continue;
    const int marks = !!(spec->flags & GST_PARAM_MUTABLE_READY) +
                      !!(spec->flags & GST_PARAM_MUTABLE_PAUSED) +
                      !!(spec->flags & GST_PARAM_MUTABLE_PLAYING);
    EXPECT_EQ(marks, spec->flags & G_PARAM_WRITABLE ? 1 : 0) << spec->name;
    const std::string blurb = g_param_spec_get_blurb(specs[i]);
    EXPECT_GT(blurb.size(), 30u) << spec->name;
    EXPECT_TRUE(g_ascii_isupper(blurb[0])) << spec->name;
  }
  g_free(specs);
}

TEST_F(Properties, HaveTheDefaultsOfTheContract) {
  const auto element = make();
  guint64 interval = 0, silence = 0;
  gdouble temperature = -1, threshold = -1;
  gboolean repeat = FALSE, post = FALSE;
  gchar *model = nullptr, *device = nullptr, *name = nullptr;
  guint threads = 7;
  gint mode = -1, policy = -1, on_error = -1;
  g_object_get(element.get(), "interval", &interval, "max-silence", &silence, "temperature",
               &temperature, "change-threshold", &threshold, "repeat-caption", &repeat,
               "post-messages", &post, "model-path", &model, "device", &device, "template", &name,
               "threads", &threads, "mode", &mode, "queue-policy", &policy, "on-error", &on_error,
               nullptr);
  EXPECT_EQ(interval, 2 * GST_SECOND);
  EXPECT_EQ(temperature, 0);
  EXPECT_EQ(threshold, 0);
  EXPECT_TRUE(repeat && post);
  EXPECT_EQ(model, nullptr);
  EXPECT_STREQ(device, "cpu");
  EXPECT_STREQ(name, "");
  EXPECT_EQ(threads, 0u);
  EXPECT_EQ(mode, 0);
  EXPECT_EQ(policy, 0);
  EXPECT_EQ(on_error, 0);
  g_free(model);
  g_free(device);
  g_free(name);
}

// What is set is what is read: no default constant differs from its field.
TEST_F(Properties, DefaultsAgreeWithTheirSpecs) {
  const auto element = make();
  guint count = 0;
  GParamSpec **specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element.get()), &count);
  for (guint i = 0; i < count; ++i) {
    if (specs[i]->owner_type != G_OBJECT_TYPE(element.get()) ||
        std::string(specs[i]->name) == "stats")
      continue;
    GValue value = G_VALUE_INIT;
    g_value_init(&value, specs[i]->value_type);
    g_object_get_property(G_OBJECT(element.get()), specs[i]->name, &value);
    EXPECT_TRUE(g_param_value_defaults(specs[i], &value)) << specs[i]->name;
    g_value_unset(&value);
  }
  g_free(specs);
}

TEST_F(Properties, TakeAndGiveEveryValue) {
  const auto element = make();
  const std::vector<std::pair<const char *, const char *>> values = {
      {"model-path", "/some/where"},
      {"device", "cuda:1"},
      {"precision", "int4"},
      {"threads", "3"},
      {"template", "gemma"},
      {"mode", "async"},
      {"prompt", "  what? "},
      {"system-prompt", "be brief"},
      {"interval", "1"},
      {"window", "9"},
      {"overlap", "8"},
      {"frames", "16"},
      {"region-prompt", "who is {label}?"},
      {"max-regions", "3"},
      {"max-tokens", "9"},
      {"temperature", "0.5"},
      {"top-k", "5"},
      {"top-p", "0.25"},
      {"seed", "18446744073709551615"},
      {"generate", "auto"},
      {"json-schema", "{\"type\":\"string\"}"},
      {"ocr", "true"},
      {"history", "7"},
      {"latency", "79"},
      {"questions", "<\"first?\",\"second?\">"},
      {"queue-size", "4"},
      {"queue-policy", "drop-newest"},
      {"change-threshold", "0.125"},
      {"max-silence", "77"},
      {"look-back", "78"},
      {"reuse", "draft+vision"},
      {"look-back-bytes", "2000000"},
      {"repeat-caption", "false"},
      {"post-messages", "false"},
      {"on-error", "warn"}};
  std::set<std::string> given;
  for (const auto &[name, value] : values) {
    given.insert(name);
    gst_util_set_object_arg(G_OBJECT(element.get()), name, value);
    GValue got = G_VALUE_INIT;
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element.get()), name);
    g_value_init(&got, spec->value_type);
    g_object_get_property(G_OBJECT(element.get()), name, &got);
    GValue want = G_VALUE_INIT;
    g_value_init(&want, spec->value_type);
    if (spec->value_type == G_TYPE_STRING)
      g_value_set_string(&want, value);
    else
      ASSERT_TRUE(gst_value_deserialize(&want, value)) << name;
    EXPECT_EQ(gst_value_compare(&got, &want), GST_VALUE_EQUAL) << name;
    g_value_unset(&got);
    g_value_unset(&want);
  }
  EXPECT_EQ(given, writable(element.get()));
}

// What lies outside of a range stays outside of the element.
TEST_F(Properties, RefuseValuesOutOfRange) {
  const auto element = make();
  GObject *o = G_OBJECT(element.get());
  const auto number = [o](const char *name) {
    GValue value = G_VALUE_INIT, out = G_VALUE_INIT;
    g_value_init(&value, g_object_class_find_property(G_OBJECT_GET_CLASS(o), name)->value_type);
    g_value_init(&out, G_TYPE_DOUBLE);
    g_object_get_property(o, name, &value);
    g_value_transform(&value, &out);
    return g_value_get_double(&out);
  };
  // GObject warns about each, later versions as of a programmer's mistake.
  const GLogLevelFlags fatal = g_log_set_always_fatal(GLogLevelFlags(G_LOG_FATAL_MASK));
  const guint quiet = g_log_set_handler(
      "GLib-GObject", GLogLevelFlags(G_LOG_LEVEL_WARNING | G_LOG_LEVEL_CRITICAL),
      [](const gchar *, GLogLevelFlags, const gchar *, gpointer) {}, nullptr);
  const std::pair<const char *, std::vector<double>> cases[] = {{"threads", {1025}},
                                                                {"max-regions", {0, 1001}},
                                                                {"frames", {0, 17}},
                                                                {"max-tokens", {0, 65537}},
                                                                {"temperature", {-1, 101}},
                                                                {"top-p", {0, 1.5}},
                                                                {"queue-size", {1001}},
                                                                {"change-threshold", {-0.5, 2}},
                                                                {"history", {101}},
                                                                {"look-back-bytes", {1, 1048575}},
                                                                {"window", {9223372036854775807.}}};
  for (const auto &[name, values] : cases)
    for (const double bad : values) {
      const double before = number(name);
      GValue given = G_VALUE_INIT, value = G_VALUE_INIT;
      g_value_init(&given, G_TYPE_DOUBLE);
      g_value_set_double(&given, bad);
      g_value_init(&value, g_object_class_find_property(G_OBJECT_GET_CLASS(o), name)->value_type);
      g_value_transform(&given, &value);
      g_object_set_property(o, name, &value);
      EXPECT_EQ(number(name), before) << name << "=" << bad;
    }
  g_log_remove_handler("GLib-GObject", quiet);
  g_log_set_always_fatal(fatal);
}

// The engine knows which devices there are; what it says of one goes to the bus at once.
TEST_F(Properties, BadDeviceIsToldBeforeAnythingRuns) {
  fake().fail_validate(ErrorCategory::Settings, "device=gpu is none of cpu, cuda, cuda:N");
  const auto element = make();
  Bus bus(element.get());
  g_object_set(element.get(), "device", "gpu", nullptr);
  EXPECT_EQ(gst_element_set_state(element.get(), GST_STATE_READY), GST_STATE_CHANGE_FAILURE);
  const Problem problem = problem_of(bus.wait(GST_MESSAGE_ERROR).get());
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_EQ(problem.text, "device=gpu is none of cpu, cuda, cuda:N");
  EXPECT_EQ(fake().seen().validated_options.device, "gpu");
  gst_element_set_bus(element.get(), nullptr);
}

// What the model does not have cannot be asked for.
TEST_F(Properties, RefuseUnknownNames) {
  GError *error = nullptr;
  for (const char *line : {"vlmcaption precision=int7", "vlmcaption mode=fast",
                           "vlmcaption queue-policy=leaky", "vlmcaption answers=a"}) {
    GstElement *element = gst_parse_launch_full(line, nullptr, GST_PARSE_FLAG_FATAL_ERRORS, &error);
    EXPECT_EQ(element, nullptr) << line;
    EXPECT_NE(error, nullptr) << line;
    g_clear_error(&error);
  }
}

TEST_F(Properties, OfTheModelAreRejectedWhilePlaying) {
  Caption v("device=cpu");
  v.play();
  g_object_set(v.element(), "device", "cuda", nullptr);
  const auto warning = v.bus().wait(GST_MESSAGE_WARNING);
  ASSERT_TRUE(warning);
  const Problem problem = problem_of(warning.get());
  EXPECT_EQ(problem.domain, GST_LIBRARY_ERROR);
  EXPECT_EQ(problem.code, GST_LIBRARY_ERROR_SETTINGS);
  EXPECT_NE(problem.text.find("device"), std::string::npos) << problem.text;
  gchar *device = nullptr;
  g_object_get(v.element(), "device", &device, nullptr);
  EXPECT_STREQ(device, "cpu");
  g_free(device);
}

// All settings reach the request, and the question byte for byte.
TEST_F(Properties, ReachTheModel) {
  Caption v("prompt=\" two  spaces \" system-prompt=sys template=vicuna_v1 max-tokens=9 "
            "temperature=0.5 top-k=5 top-p=0.25 seed=42 threads=3 precision=float32 device=cpu");
  v.play();
  v.push(0);
  const FakeSeen seen = fake().seen();
  EXPECT_EQ(seen.last.question, " two  spaces ");
  EXPECT_EQ(seen.last.system, "sys");
  EXPECT_EQ(seen.last.template_name, "vicuna_v1");
  EXPECT_EQ(seen.last.max_tokens, 9);
  EXPECT_EQ(seen.last.sampling.temperature, 0.5);
  EXPECT_EQ(seen.last.sampling.top_k, 5);
  EXPECT_EQ(seen.last.sampling.top_p, 0.25);
  EXPECT_EQ(seen.last.sampling.seed, 42u);
  EXPECT_EQ(seen.options.path, "");
  EXPECT_EQ(seen.options.threads, 3);
  EXPECT_EQ(seen.options.precision, "float32");
  EXPECT_EQ(seen.options.device, "cpu");
}

// A change while playing counts from the next due frame.
TEST_F(Properties, OfTheQuestionMayChangeWhilePlaying) {
  Caption v("prompt=first interval=0");
  v.play();
  v.push(0);
  g_object_set(v.element(), "prompt", "second", nullptr);
  v.push(1);
  EXPECT_EQ(fake().seen().questions, (std::vector<std::string>{"first", "second"}));
}

// Properties change from another thread all the time; what is asked about one frame is asked with
// the values of one moment.
TEST_F(Properties, OfOneFrameAreOfOneMoment) {
  Caption v("interval=0");
  const auto set_questions = [&v](int n) {
    const std::string text = std::to_string(n);
    gst_util_set_object_arg(G_OBJECT(v.element()), "questions",
                            ("<\"" + text + "\",\"" + text + "\",\"" + text + "\">").c_str());
  };
  set_questions(0);
  v.play();
  std::atomic<bool> stop{false};
  std::thread changes([&] {
    for (int n = 1; !stop; ++n) {
      g_object_set(v.element(), "seed", static_cast<guint64>(n), nullptr);
      set_questions(n);
    }
  });
  for (int n = 0; n < 200; ++n)
    EXPECT_EQ(v.push(n), GST_FLOW_OK);
  stop = true;
  changes.join();
  const FakeSeen seen = fake().seen();
  ASSERT_EQ(seen.questions.size(), 600u);
  for (size_t i = 0; i < 600; ++i) {
    EXPECT_EQ(seen.questions[i], seen.questions[i - i % 3]) << i;
    EXPECT_EQ(seen.seeds[i], seen.seeds[i - i % 3]) << i;
  }
  const auto records = v.bus().captions();
  ASSERT_EQ(records.size(), 600u);
  for (size_t i = 0; i < 600; ++i) { // nor does the record tell of others
    EXPECT_EQ(text_field(records[i].get(), "question"), seen.questions[i]) << i;
    EXPECT_EQ(time_field(records[i].get(), "seed"), seen.seeds[i]) << i;
  }
}

TEST_F(Properties, OfOutputCanSilenceTheBus) {
  Caption v("post-messages=false interval=0");
  v.play();
  v.push(0);
  EXPECT_TRUE(v.bus().captions().empty());
  EXPECT_EQ(v.stat("answered"), 1u);
}

TEST_F(Properties, ListTheirPads) {
  GstElementFactory *factory = gst_element_factory_find("vlmcaption");
  ASSERT_TRUE(factory);
  std::set<std::string> names;
  for (const GList *l = gst_element_factory_get_static_pad_templates(factory); l; l = l->next)
    names.insert(static_cast<GstStaticPadTemplate *>(l->data)->name_template);
  EXPECT_EQ(names, (std::set<std::string>{"json_src", "prompt_src", "sink", "src", "text_src"}));
  EXPECT_EQ(gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(factory)), guint(GST_RANK_NONE));
  gst_object_unref(factory);
}

} // namespace
} // namespace vlm::test
