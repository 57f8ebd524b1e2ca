// SPDX-License-Identifier: LGPL-2.1-or-later
// What vlmcaption finds out and vlmmeta2json writes down is what the schema file says, and nothing
// is lost on the way.
#include "tests/support/captioned.h"

#include <glib/gstdio.h>
#include <nlohmann/json.hpp>

#include <fstream>

namespace vlm::test {
namespace {

using nlohmann::json;
using Problems = std::vector<std::string>;

const json &schema() {
  static const json *const loaded = new json(json::parse(std::ifstream(VLM_RECORD_SCHEMA)));
  return *loaded;
}

bool has_type(const json &value, const std::string &type) {
  return (type == "integer" && value.is_number_integer()) ||
         (type == "number" && value.is_number()) || (type == "string" && value.is_string()) ||
         (type == "array" && value.is_array()) || (type == "object" && value.is_object());
}

// What of the keywords that the schema file uses does not hold.
void check(const json &rule, const json &value, const std::string &name, Problems &out) {
  if (!has_type(value, rule.at("type")))
    return out.push_back(name + " is no " + rule.at("type").get<std::string>());
  if (rule.contains("const") && value != rule["const"])
    out.push_back(name + " is another constant");
  if (rule.contains("enum") &&
      std::find(rule["enum"].begin(), rule["enum"].end(), value) == rule["enum"].end())
    out.push_back(name + " is none of the words");
  if (rule.contains("minimum") && value < rule["minimum"])
    out.push_back(name + " is too small");
  if (rule.contains("maximum") && value > rule["maximum"])
    out.push_back(name + " is too large");
  if (rule.contains("items"))
    for (const json &item : value)
      check(rule["items"], item, name, out);
  if (!rule.contains("properties"))
    return;
  for (const auto &[field, item] : value.items())
    if (rule["properties"].contains(field))
      check(rule["properties"][field], item, name + "." + field, out);
    else
      out.push_back(name + "." + field + " is not described");
}

// Fields that the schema does not describe are mistakes of ours, though readers skip them.
Problems problems_of(const json &line) {
  Problems out;
  for (const json &name : schema().at("required"))
    if (!line.contains(name.get<std::string>()))
      out.push_back(name.get<std::string>() + " is missing");
  for (const auto &[name, value] : line.items())
    if (!schema().at("properties").contains(name))
      out.push_back(name + " is not described");
    else
      check(schema()["properties"][name], value, name, out);
  return out;
}

void put(GstStructure *s, const std::string &name, const json &value, const json &rule) {
  const std::string type = rule["type"];
  if (name == "schema")
    return gst_structure_set(s, name.c_str(), G_TYPE_UINT, value.get<guint>(), nullptr);
  if (type == "string")
    return gst_structure_set(s, name.c_str(), G_TYPE_STRING, value.get<std::string>().c_str(),
                             nullptr);
  if (type == "number")
    return gst_structure_set(s, name.c_str(), G_TYPE_DOUBLE, value.get<double>(), nullptr);
  if (type == "integer")
    return gst_structure_set(s, name.c_str(), G_TYPE_UINT64, value.get<guint64>(), nullptr);
  if (type == "object") {
    const Own<GstStructure> part(gst_structure_new_empty(name.c_str()));
    for (const auto &[field, item] : value.items())
      put(part.get(), field, item, rule["properties"][field]);
    return gst_structure_set(s, name.c_str(), GST_TYPE_STRUCTURE, part.get(), nullptr);
  }
  GValue list = G_VALUE_INIT, item = G_VALUE_INIT;
  g_value_init(&list, GST_TYPE_ARRAY);
  g_value_init(&item, G_TYPE_UINT64);
  for (const json &each : value) {
    g_value_set_uint64(&item, each.get<guint64>());
    gst_value_array_append_value(&list, &item);
  }
  gst_structure_take_value(s, name.c_str(), &list);
  g_value_unset(&item);
}

// The message that a line was.
Own<GstStructure> rebuilt(const json &line) {
  Own<GstStructure> out(gst_structure_new_empty("vlmcaption/caption"));
  for (const auto &[name, value] : line.items())
    put(out.get(), name, value, schema()["properties"][name]);
  return out;
}

class Schema : public ElementTest {
protected:
  // A line of a run, and what was posted about the same record.
  void expect_same(Reader &chain, const GstStructure *posted) {
    const auto buffer = chain.pull();
    ASSERT_TRUE(buffer);
    const json line = json::parse(bytes_of(buffer.get()));
    EXPECT_EQ(problems_of(line), Problems{}) << line;
    gchar *expected = gst_structure_to_string(posted);
    EXPECT_TRUE(gst_structure_is_equal(rebuilt(line).get(), posted)) << line << "\n" << expected;
    g_free(expected);
  }
};

TEST_F(Schema, IsOfTheDraftThatItNames) {
  EXPECT_EQ(schema().at("$schema"), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema().at("type"), "object");
  for (const json &name : schema().at("required"))
    EXPECT_TRUE(schema().at("properties").contains(name.get<std::string>())) << name;
  for (const auto &[name, rule] : schema().at("properties").items()) {
    EXPECT_TRUE(rule.contains("type")) << name;
    EXPECT_FALSE(rule.value("description", "").empty()) << name;
  }
}

// The check itself finds what it is there for.
TEST_F(Schema, CheckFindsMistakes) {
  json line;
  for (const json &name : schema().at("required"))
    line[name.get<std::string>()] = 0;
  EXPECT_FALSE(problems_of(line).empty());
  line.update({{"schema", 1},
               {"id", 1},
               {"sequence", 1},
               {"max-tokens", 1},
               {"text", ""},
               {"question", ""},
               {"status", "ok"},
               {"frames", {0}}});
  EXPECT_EQ(problems_of(line), Problems{});
  const auto with = [&line](const char *name, const json &value) {
    json changed = line;
    changed[name] = value;
    return problems_of(changed);
  };
  EXPECT_EQ(with("schema", 2), Problems{"schema is another constant"});
  EXPECT_EQ(with("status", "fine"), Problems{"status is none of the words"});
  EXPECT_EQ(with("pts", 1.5), Problems{"pts is no integer"});
  EXPECT_EQ(with("pts", -1), Problems{"pts is too small"});
  EXPECT_EQ(with("top-p", 2), Problems{"top-p is too large"});
  EXPECT_EQ(with("frames", {0, "x"}), Problems{"frames is no integer"});
  EXPECT_EQ(with("state", "fresh"), Problems{"state is not described"});
  EXPECT_EQ(with("region", {{"width", 0}}), Problems{"region.width is too small"});
  EXPECT_EQ(with("region", {{"depth", 1}}), Problems{"region.depth is not described"});
  line.erase("text");
  EXPECT_EQ(problems_of(line), Problems{"text is missing"});
}

TEST_F(Schema, EveryLineOfARunComesBackAsItsRecord) {
  fake().script({"a \"b\" \\ c", "two\nlines\t\xe2\x98\x83 \xf0\x9f\x90\x88", ""});
  Reader chain("vlmcaption mode=sync interval=0 temperature=0.1 top-p=0.3 "
               "seed=18446744073709551615 ! vlmmeta2json");
  chain.play();
  for (int n = 0; n < 3; ++n)
    ASSERT_EQ(chain.push(chain.frame(n)), GST_FLOW_OK);
  fake().stop_with(StopReason::Length);
  ASSERT_EQ(chain.push(chain.frame(1000)), GST_FLOW_OK);
  const auto posted = chain.bus().captions();
  ASSERT_EQ(posted.size(), 4u);
  for (const auto &record : posted)
    expect_same(chain, record.get());
  EXPECT_FALSE(chain.pull());
}

TEST_F(Schema, SkippedFramesHaveRecordsOfTheirOwn) {
  Reader chain("vlmcaption mode=sync interval=0 change-threshold=0.5 ! vlmmeta2json");
  chain.play();
  chain.push(chain.dark_frame(0));
  chain.push(chain.dark_frame(1));
  const auto posted = chain.bus().captions();
  ASSERT_EQ(posted.size(), 2u);
  EXPECT_EQ(text_field(posted[1].get(), "status"), "skipped-unchanged");
  for (const auto &record : posted)
    expect_same(chain, record.get());
}

// A failed analysis has no text for frames to carry: it comes as an event, ahead of the frame.
TEST_F(Schema, FailuresFitToo) {
  fake().fail_request(1, ErrorCategory::Data, "unusable");
  Reader chain("vlmcaption mode=sync interval=0 on-error=warn ! vlmmeta2json");
  chain.play();
  chain.push(chain.frame(0));
  const auto posted = chain.bus().captions();
  ASSERT_EQ(posted.size(), 1u);
  EXPECT_EQ(text_field(posted[0].get(), "error"), "unusable");
  expect_same(chain, posted[0].get());
  EXPECT_FALSE(chain.pull());
}

// Whatever became of a frame, it has its line, once, and lines come in the order of the records.
TEST_F(Schema, EveryRecordOfABusyModelIsALine) {
  fake().hold();
  fake().fail_request(3, ErrorCategory::Data, "unusable");
  Reader chain("vlmcaption mode=async interval=0 queue-size=1 on-error=warn ! vlmmeta2json");
  chain.play();
  for (int n = 0; n < 6; ++n)
    ASSERT_EQ(chain.push(chain.frame(n)), GST_FLOW_OK);
  fake().release();
  std::vector<Own<GstStructure>> posted;
  for (int n = 0; n < 6; ++n)
    posted.push_back(chain.bus().caption());
  chain.push(chain.frame(6));
  posted.push_back(chain.bus().caption());
  EXPECT_TRUE(chain.push(gst_event_new_eos()));
  for (const auto &record : posted) {
    ASSERT_TRUE(record);
    expect_same(chain, record.get());
  }
  EXPECT_FALSE(chain.pull());
}

TEST_F(Schema, RegionsAndWindowsFitToo) {
  Reader chain("vlmcaption mode=sync window=80000000 frames=2 region-prompt=who? ! vlmmeta2json");
  chain.play();
  for (int n = 0; n < 3; ++n) {
    GstBuffer *frame = chain.frame(n);
    gst_buffer_add_video_region_of_interest_meta(frame, "face", 4, 6, 8, 10);
    chain.push(frame);
  }
  const auto posted = chain.bus().captions();
  ASSERT_EQ(posted.size(), 2u);
  EXPECT_TRUE(gst_structure_has_field(posted[1].get(), "region"));
  for (const auto &record : posted)
    expect_same(chain, record.get());
}

// ---- whole pipelines
// ------------------------------------------------------------------------------

class JsonFile : public ElementTest {
protected:
  void SetUp() override {
    gchar *path = nullptr;
    g_close(g_file_open_tmp("vlmmeta2json-XXXXXX.jsonl", &path, nullptr), nullptr);
    path_ = path;
    g_free(path);
  }
  void TearDown() override {
    std::remove(path_.c_str());
    ElementTest::TearDown();
  }

  std::vector<std::string> texts() {
    std::vector<std::string> out;
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      const json record = json::parse(line);
      EXPECT_EQ(problems_of(record), Problems{}) << line;
      out.push_back(record.at("text"));
    }
    return out;
  }

  std::string path_;
};

TEST_F(JsonFile, HasALineForEveryCaption) {
  EXPECT_EQ(run_pipeline("videotestsrc num-buffers=75 ! video/x-raw,framerate=25/1 ! vlmcaption "
                         "interval=1000000000 ! queue ! vlmmeta2json ! filesink location=" +
                         path_),
            "");
  EXPECT_EQ(texts(), (std::vector<std::string>{"answer 1", "answer 2", "answer 3"}));
}

// The answer comes when the only frame is gone: it travels as an event, and the sink keeps it.
TEST_F(JsonFile, HasTheAnswerThatNoFrameCarries) {
  EXPECT_EQ(run_pipeline("videotestsrc num-buffers=1 ! vlmcaption mode=async ! vlmmeta2json ! "
                         "filesink location=" +
                         path_),
            "");
  EXPECT_EQ(texts(), std::vector<std::string>{"answer 1"});
}

TEST_F(JsonFile, IsNotChangedByDoubledAndConvertedFrames) {
  EXPECT_EQ(run_pipeline("videotestsrc num-buffers=50 ! video/x-raw,framerate=25/1 ! vlmcaption "
                         "interval=1000000000 ! videorate ! video/x-raw,framerate=75/1 ! "
                         "videoconvert ! video/x-raw,format=RGB ! vlmmeta2json ! "
                         "filesink location=" +
                         path_),
            "");
  EXPECT_EQ(texts(), (std::vector<std::string>{"answer 1", "answer 2"}));
}

} // namespace
} // namespace vlm::test
