// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/weights/checkpoint.h"

#include "model/core/checksum.h"
#include "model/weights/safetensors.h"
#include "tests/model/weights/scratch.h"
#include "tests/model/weights/torch_archive.h"
#include "tests/support/fixture.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <set>

namespace vlm {
namespace {

using nlohmann::json;
using test::expect_error;
using test::Scratch;
using Tensors = std::vector<std::pair<std::string, at::Tensor>>;

constexpr const char *clip_prefix = "model.vision_tower.vision_tower.vision_model.";

bool of_a_tower(const std::string &name) { return name.compare(0, 18, "model.vision_tower") == 0; }

at::Tensor some(int64_t size) { return at::arange(size, at::kFloat); }

void write_index(const Scratch &scratch, const json &weight_map) {
  scratch.write("model.safetensors.index.json", json{{"weight_map", weight_map}}.dump());
}

/// A checkpoint of two shards, a and b, with a tensor each.
void write_two_shards(const Scratch &scratch) {
  scratch.write("config.json", "{}");
  write_safetensors(scratch.path("one.safetensors"), {{"a", some(4)}});
  write_safetensors(scratch.path("two.safetensors"), {{"b", some(4)}});
  write_index(scratch, {{"a", "one.safetensors"}, {"b", "two.safetensors"}});
}

TEST(Checkpoint, EveryFixtureOpens) {
  std::set<std::string> digests;
  for (const std::string name : test::kReferenceModels) {
    SCOPED_TRACE(name);
    const Checkpoint checkpoint(test::data(name + "/model"));
    const int64_t vocab = test::read_json(name + "/case.json")["sizes"]["vocab"];
    const int64_t hidden = test::read_json(name + "/case.json")["sizes"]["hidden"];
    EXPECT_EQ(checkpoint.shape("model.embed_tokens.weight"), (std::vector<int64_t>{vocab, hidden}));
    EXPECT_TRUE(checkpoint.contains("lm_head.weight"));
    EXPECT_TRUE(checkpoint.contains("model.vision_tower_aux.vision_stages.2.blocks.2.gamma"));
    EXPECT_FALSE(checkpoint.contains("model.layers.0"));
    uint64_t elements = 0;
    for (const std::string &tensor : checkpoint.names()) {
      const at::Tensor loaded = checkpoint.load(tensor, at::kFloat);
      EXPECT_EQ(loaded.sizes(), checkpoint.shape(tensor)) << tensor;
      elements += static_cast<uint64_t>(loaded.numel());
    }
    EXPECT_EQ(checkpoint.weight_bytes(at::kFloat, false), 4 * elements);
    EXPECT_TRUE(digests.insert(checkpoint.digest()).second);
  }
}

TEST(Checkpoint, BytesAreGivenAsTheyLieAndChecked) {
  const Scratch scratch;
  scratch.write("config.json", "{}");
  const at::Tensor packed = at::arange(3000).to(at::kByte).view({3, 10, 100});
  const std::string sum = checksum({static_cast<const char *>(packed.data_ptr()), packed.nbytes()});
  const std::string path = scratch.path("model.safetensors");
  const auto store = [&](const std::map<std::string, std::string> &metadata) {
    write_safetensors(path, {{"x.qweight", packed}, {"y", some(4)}}, metadata);
  };
  store({{"checksum.x.qweight", sum}});
  {
    const Checkpoint checkpoint(scratch.path("."));
    EXPECT_TRUE(checkpoint.load("x.qweight", at::kByte).equal(packed));
    EXPECT_EQ(checkpoint.weight_bytes(at::kFloat, false), 3000u + 16);
    expect_error(ErrorCategory::Format, {"model.safetensors", "x.qweight", "Byte"},
                 [&] { checkpoint.load("x.qweight", at::kFloat); });
    expect_error(ErrorCategory::Format, {"model.safetensors", "tensor y", "Float"},
                 [&] { checkpoint.load("y", at::kByte); });
  }
  std::string bytes = read_file(path);
  bytes[bytes.size() - 1000] ^= 4;
  scratch.write("model.safetensors", bytes);
  expect_error(ErrorCategory::Format, {"model.safetensors", "x.qweight", "checksum"},
               [&] { Checkpoint(scratch.path(".")).load("x.qweight", at::kByte); });
  store({});
  expect_error(ErrorCategory::Format, {"model.safetensors", "x.qweight", "checksum"},
               [&] { Checkpoint(scratch.path(".")).load("x.qweight", at::kByte); });
}

TEST(Checkpoint, TowersFromTheirDirectoriesEqualThoseInShards) {
  const Checkpoint apart(test::data("yi/model")), inside(test::data("vicuna/model"));
  size_t towers = 0;
  for (const std::string &name : inside.names()) {
    if (!of_a_tower(name))
      continue;
    ASSERT_TRUE(apart.contains(name)) << name;
    EXPECT_EQ(apart.shape(name), inside.shape(name)) << name;
    EXPECT_EQ(apart.dtype(name), at::kFloat) << name;
    ++towers;
  }
  EXPECT_GT(towers, 100u);
  for (const std::string &name : apart.names())
    EXPECT_TRUE(!of_a_tower(name) || inside.contains(name)) << name;
  EXPECT_NE(apart.origin(std::string(clip_prefix) + "pre_layrnorm.weight")
                .find("clip-vit-large-patch14-336/pytorch_model.bin"),
            std::string::npos);
  EXPECT_NE(apart.origin("model.vision_tower_aux.vision_stem.0.weight")
                .find("open_clip_pytorch_model.bin"),
            std::string::npos);
}

TEST(Checkpoint, ConvertsTypes) {
  const Scratch scratch;
  scratch.write("config.json", "{}");
  const at::Tensor values = some(1000).mul(0.37f).sub(100).view({10, 100});
  write_safetensors(
      scratch.path("model.safetensors"),
      {{"f32", values}, {"f16", values.to(at::kHalf)}, {"bf16", values.to(at::kBFloat16)}});
  const Checkpoint checkpoint(scratch.path(""));
  for (const at::ScalarType wanted : {at::kFloat, at::kBFloat16}) {
    for (const at::ScalarType stored : {at::kFloat, at::kHalf, at::kBFloat16}) {
      const std::string name = stored == at::kFloat ? "f32" : stored == at::kHalf ? "f16" : "bf16";
      const at::Tensor got = checkpoint.load(name, wanted);
      EXPECT_EQ(got.scalar_type(), wanted);
      EXPECT_EQ(checkpoint.dtype(name), stored);
      EXPECT_TRUE(test::near(got, values.to(stored).to(wanted), 0)) << name;
    }
  }
  EXPECT_EQ(checkpoint.weight_bytes(at::kBFloat16, false), 6000u);
  for (const std::string name : {"f32", "f16", "bf16"})
    EXPECT_TRUE(checkpoint.load_rows(name, at::kFloat, 3, 4)
                    .equal(checkpoint.load(name, at::kFloat).narrow(0, 3, 4)))
        << name;
}

// By hand: which matrix is held how, rows in sixteens and columns in 64s.
TEST(Checkpoint, CountsTheBytesOfQuantisedMatrices) {
  const Scratch scratch;
  scratch.write("config.json", "{}");
  const at::Tensor w = some(20 * 70).view({20, 70});
  const std::string clip = "model.vision_tower.vision_tower.vision_model.";
  const std::string layer = "model.layers.3.";
  write_safetensors(scratch.path("model.safetensors"),
                    {{"model.embed_tokens.weight", w},
                     {"lm_head.weight", w},
                     {layer + "self_attn.q_proj.weight", w},
                     {layer + "block_sparse_moe.gate.weight", w},
                     {layer + "block_sparse_moe.experts.0.w1.weight", w},
                     {layer + "input_layernorm.weight", some(70)},
                     {clip + "embeddings.position_embedding.weight", w},
                     {clip + "encoder.layers.0.mlp.fc1.weight", w},
                     {"model.vlm_uni_aux_projector.1.weight", w},
                     {"model.mm_projector.0.weight", w}});
  const Checkpoint checkpoint(scratch.path(""));
  const uint64_t plain = 2 * 20 * 70, int8 = 32 * 128 + 32 * 4, int4 = 32 * 128 / 16 * 9 + 32 * 4;
  const uint64_t others = 4 * plain + 70 * 4; // embeddings, gate, positions, mining; the norm
  EXPECT_EQ(checkpoint.weight_bytes(at::kBFloat16, false, Quantization::Int8), others + 5 * int8);
  EXPECT_EQ(checkpoint.weight_bytes(at::kBFloat16, false, Quantization::Int4),
            others + 3 * int8 + 2 * int4);
  // A tied head is the embeddings, too.
  EXPECT_EQ(checkpoint.weight_bytes(at::kBFloat16, true, Quantization::Int4),
            checkpoint.weight_bytes(at::kBFloat16, false, Quantization::Int4) - plain);
}

TEST(Checkpoint, CopiesLargeTensorsPieceByPiece) {
  const Scratch scratch;
  scratch.write("config.json", "{}");
  const int64_t size = (int64_t{1} << 23) + 12345; // more than one piece, not a multiple of any
  const at::Tensor values = some(size).remainder(251).to(at::kBFloat16);
  write_safetensors(scratch.path("model.safetensors"),
                    {{"odd", at::ones({1}, at::kHalf)}, {"large", values}});
  const Checkpoint checkpoint(scratch.path(""));
  EXPECT_TRUE(test::near(checkpoint.load("large", at::kBFloat16), values, 0));
  EXPECT_TRUE(test::near(checkpoint.load("large", at::kFloat), values, 0));
}

TEST(Checkpoint, RefusesWhatIsNotFinite) {
  const Scratch scratch;
  scratch.write("config.json", "{}");
  Tensors tensors;
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()})
    for (const at::ScalarType stored : {at::kFloat, at::kHalf, at::kBFloat16}) {
      const at::Tensor values = some(5000);
      values[4321] = bad;
      tensors.emplace_back("bad." + std::to_string(tensors.size()), values.to(stored));
    }
  tensors.emplace_back("filled", at::full({4, 4}, std::nanf("")));
  tensors.emplace_back("largest", at::full({4}, std::numeric_limits<float>::max()));
  write_safetensors(scratch.path("model.safetensors"), tensors);
  const Checkpoint checkpoint(scratch.path(""));
  for (const auto &[name, tensor] : tensors) {
    if (name == "largest")
      continue;
    for (const at::ScalarType wanted : {at::kFloat, at::kBFloat16})
      expect_error(ErrorCategory::Format,
                   {scratch.path("/model.safetensors"), "tensor " + name, "NaN or infinity"},
                   [&, &name = name] { checkpoint.load(name, wanted); });
  }
  EXPECT_EQ(checkpoint.load("largest", at::kFloat)[0].item<float>(),
            std::numeric_limits<float>::max());
  expect_error(ErrorCategory::Format, {"tensor largest"}, // rounds up to infinity
               [&] { checkpoint.load("largest", at::kBFloat16); });
}

TEST(Checkpoint, MissingMistypedAndMisshapenTensorsAreNamed) {
  const Scratch scratch;
  scratch.write("config.json", "{}");
  const std::string path = scratch.path("model.safetensors");
  write_safetensors(path, {{"ids", some(6).to(at::kLong)},
                           {"double", some(6).to(at::kDouble)},
                           {"w", some(6).view({2, 3})},
                           {"none", some(0)}});
  const Checkpoint checkpoint(scratch.path("."));
  expect_error(ErrorCategory::Format, {scratch.path("."), "tensor absent is missing"},
               [&] { checkpoint.load("absent", at::kFloat); });
  expect_error(ErrorCategory::Format, {"tensor absent is missing"},
               [&] { checkpoint.shape("absent"); });
  for (const std::string name : {"ids", "double"})
    expect_error(ErrorCategory::Format, {"model.safetensors", "tensor " + name, "stored as"},
                 [&] { checkpoint.load(name, at::kFloat); });
  const Scope scope(checkpoint, at::kBFloat16);
  expect_error(ErrorCategory::Format,
               {"model.safetensors", "tensor w has shape [2, 3], expected [3, 2]"}, [&] {
                 scope.matrix("w", {3, 2});
               });
  expect_error(ErrorCategory::Format, {"tensor none has shape [0], expected [4]"},
               [&] { scope.tensor("none", {4}); });
  expect_error(ErrorCategory::Format, {"tensor deep.w is missing"}, [&] {
    scope.sub("deep").tensor("w", {2, 3});
  });
  EXPECT_EQ(scope.matrix("w", {2, 3}).scalar_type(), at::kBFloat16);
}

TEST(Checkpoint, DirectoriesWithoutAModel) {
  const Scratch scratch;
  expect_error(ErrorCategory::NotFound, {scratch.path("none"), "no such directory"},
               [&] { Checkpoint checkpoint(scratch.path("none")); });
  expect_error(ErrorCategory::NotFound, {scratch.path("/config.json")},
               [&] { Checkpoint checkpoint(scratch.path("")); });
  scratch.write("config.json", "[1, 2]");
  expect_error(ErrorCategory::Format, {"config.json", "not a JSON object"},
               [&] { Checkpoint checkpoint(scratch.path("")); });
  scratch.write("config.json", "{}");
  expect_error(ErrorCategory::NotFound, {scratch.path(""), "neither model.safetensors nor"},
               [&] { Checkpoint checkpoint(scratch.path("")); });
  scratch.write("config.json", R"({"mm_vision_tower": 7})");
  write_safetensors(scratch.path("model.safetensors"), {{"a", some(4)}});
  expect_error(ErrorCategory::Format, {"config.json", "mm_vision_tower is not a string"},
               [&] { Checkpoint checkpoint(scratch.path("")); });
}

TEST(Checkpoint, Shards) {
  const Scratch scratch;
  write_two_shards(scratch);
  const Checkpoint checkpoint(scratch.path(""));
  EXPECT_EQ(checkpoint.names(), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(checkpoint.origin("b"), scratch.path("/two.safetensors"));
  EXPECT_TRUE(test::near(checkpoint.load("b", at::kFloat), some(4), 0));
}

TEST(Checkpoint, BrokenIndexes) {
  struct Case {
    const char *what;
    ErrorCategory category;
    std::string index;
    std::vector<std::string> message;
  };
  const auto map = [](const json &weight_map) { return json{{"weight_map", weight_map}}.dump(); };
  const std::vector<Case> cases = {
      {"not JSON", ErrorCategory::Format, "{", {"index.json", "not valid JSON"}},
      {"no map", ErrorCategory::Format, "{}", {"index.json", "weight_map is missing"}},
      {"list", ErrorCategory::Format, map({1}), {"weight_map is missing or not an object"}},
      {"empty", ErrorCategory::Format, map(json::object()), {"weight_map is empty"}},
      {"number", ErrorCategory::Format, map({{"a", 1}}), {"shard of tensor a is not a string"}},
      {"missing shard",
       ErrorCategory::NotFound,
       map({{"a", "one.safetensors"}, {"b", "gone.safetensors"}}),
       {"index.json", "shard gone.safetensors of tensor b does not exist"}},
      {"escape",
       ErrorCategory::Format,
       map({{"a", "../one.safetensors"}}),
       {"index.json", "shard \"../one.safetensors\" of tensor a is not a file name"}},
      {"absolute", ErrorCategory::Format, map({{"a", "/etc/passwd"}}), {"\"/etc/passwd\""}},
      {"dots", ErrorCategory::Format, map({{"a", ".."}}), {"\"..\""}},
      {"NUL", ErrorCategory::Format, map({{"a", std::string("one\0x", 5)}}), {"not a file name"}},
      {"not in its shard",
       ErrorCategory::Format,
       map({{"a", "one.safetensors"}, {"b", "two.safetensors"}, {"c", "two.safetensors"}}),
       {"index.json", "tensor c is not in two.safetensors"}},
      {"in another shard",
       ErrorCategory::Format,
       map({{"a", "two.safetensors"}, {"b", "one.safetensors"}}),
       {"index.json", "tensor a is not in two.safetensors"}},
      {"not in the index",
       ErrorCategory::Format,
       R"({"weight_map":{"x":"two.safetensors"}})",
       {"two.safetensors", "tensor b is missing in model.safetensors.index.json"}},
      {"twice in the index",
       ErrorCategory::Format,
       R"({"weight_map":{"a":"one.safetensors","a":"two.safetensors"}})",
       {"index.json", "duplicate key \"a\""}},
  };
  const Scratch scratch;
  write_two_shards(scratch);
  for (const Case &broken : cases) {
    SCOPED_TRACE(broken.what);
    scratch.write("model.safetensors.index.json", broken.index);
    expect_error(broken.category, broken.message, [&] { Checkpoint checkpoint(scratch.path("")); });
  }
}

TEST(Checkpoint, ATensorInTwoShards) {
  const Scratch scratch;
  write_two_shards(scratch);
  write_safetensors(scratch.path("two.safetensors"), {{"a", some(4)}, {"b", some(4)}});
  expect_error(ErrorCategory::Format, {"two.safetensors", "tensor a is also in", "one.safetensors"},
               [&] { Checkpoint checkpoint(scratch.path("")); });
}

TEST(Checkpoint, TruncatedShard) {
  const Scratch scratch;
  scratch.copy(test::data("gemma/model"), "model");
  const std::string shard = scratch.path("model/model-00001-of-00002.safetensors");
  std::filesystem::resize_file(shard, std::filesystem::file_size(shard) / 2);
  expect_error(ErrorCategory::Format, {shard, "tensor ", "truncated"},
               [&] { Checkpoint checkpoint(scratch.path("model")); });
}

/// A checkpoint without towers that names `directory` in config.json.
void write_towerless(const Scratch &scratch, const std::string &directory) {
  scratch.write("model/config.json", json{{"mm_vision_tower", directory}}.dump());
  write_safetensors(scratch.path("model/model.safetensors"), {{"a", some(4)}});
}

void write_tower(const Scratch &scratch, const std::string &directory, float value) {
  scratch.write(directory + "/placeholder", "");
  write_safetensors(scratch.path(directory + "/model.safetensors"),
                    {{"vision_model.pre_layrnorm.weight", at::full({3}, value)},
                     {"vision_model.embeddings.position_ids", some(3).to(at::kLong)},
                     {"text_model.final_layer_norm.weight", at::full({3}, value)}});
}

TEST(Checkpoint, TowerDirectoriesAreTriedInOrder) {
  const Scratch scratch;
  const std::string name = std::string(clip_prefix) + "pre_layrnorm.weight";
  write_towerless(scratch, "towers/clip");
  expect_error(
      ErrorCategory::NotFound,
      {"mm_vision_tower", "looked at towers/clip, ", "model/towers/clip", "model/../towers/clip"},
      [&] { Checkpoint checkpoint(scratch.path("model")); });
  write_tower(scratch, "towers/clip", 3);
  const auto value = [&] {
    return Checkpoint(scratch.path("model")).load(name, at::kFloat)[0].item<float>();
  };
  EXPECT_EQ(value(), 3);
  write_tower(scratch, "model/towers/clip", 2);
  EXPECT_EQ(value(), 2);
  const auto before = std::filesystem::current_path();
  write_tower(scratch, "work/towers/clip", 1);
  std::filesystem::current_path(scratch.path("work"));
  EXPECT_EQ(value(), 1);
  std::filesystem::current_path(before);

  const Checkpoint checkpoint(scratch.path("model"));
  EXPECT_EQ(checkpoint.names(), (std::vector<std::string>{"a", name})); // nothing else came along
}

TEST(Checkpoint, TowerDirectoriesWithoutATower) {
  const Scratch scratch;
  write_towerless(scratch, scratch.path("clip"));
  scratch.write("clip/readme", "");
  expect_error(ErrorCategory::NotFound, {scratch.path("clip"), "no model.safetensors"},
               [&] { Checkpoint checkpoint(scratch.path("model")); });
  write_safetensors(scratch.path("clip/model.safetensors"), {{"text_model.a", some(4)}});
  expect_error(ErrorCategory::Format,
               {scratch.path("clip/model.safetensors"), "no tensor begins with vision_model."},
               [&] { Checkpoint checkpoint(scratch.path("model")); });
}

TEST(Checkpoint, HostileTowerIsRefusedByName) {
  using namespace test::pickle;
  const Scratch scratch;
  write_towerless(scratch, scratch.path("clip"));
  const std::string path = scratch.write(
      "clip/pytorch_model.bin",
      test::torch_archive(program(global("os", "system") + tuple({text("id")}) + "R"), {}));
  expect_error(ErrorCategory::Format, {path, "refuses global os.system"},
               [&] { Checkpoint checkpoint(scratch.path("model")); });
}

TEST(Checkpoint, DigestTellsModelsApart) {
  const Scratch scratch;
  scratch.copy(test::data("llama3-hd/model"), "one");
  scratch.copy(test::data("llama3-hd/model"), "two");
  const auto digest = [&](const char *name) { return Checkpoint(scratch.path(name)).digest(); };
  const std::string first = digest("one");
  EXPECT_EQ(first.size(), 64u);
  EXPECT_EQ(first, digest("two")); // wherever it lies
  const std::string path = scratch.path("two/model.safetensors"), weights = read_file(path);
  std::string changed = weights;
  changed.back() = static_cast<char>(changed.back() ^ 1);
  scratch.write("two/model.safetensors", changed);
  EXPECT_NE(first, digest("two"));
  scratch.write("two/model.safetensors", weights);
  EXPECT_EQ(first, digest("two"));
  scratch.write("two/config.json", read_file(scratch.path("one/config.json")) + " ");
  EXPECT_NE(first, digest("two"));
}

} // namespace
} // namespace vlm
