// SPDX-License-Identifier: LGPL-2.1-or-later
// Every broken part of an SDXL directory is named.
#include "model/generation/painter.h"

#include "tests/model/generation/sdxl_case.h"
#include "tests/model/weights/scratch.h"

#include <filesystem>

namespace vlm {
namespace {

using nlohmann::json;

class BadFiles : public ::testing::Test {
protected:
  BadFiles() { scratch_.copy(test::data("sdxl/model"), "model"); }

  std::string model() const { return scratch_.path("model"); }
  json read(const std::string &file) const { return json::parse(read_file(model() + "/" + file)); }
  /// Sets one key of a JSON file, or takes it away.
  void set(const std::string &file, const std::string &key, const json &value) {
    json all = read(file);
    if (value.is_discarded())
      all.erase(key);
    else
      all[key] = value;
    scratch_.write("model/" + file, all.dump());
  }
  void remove(const std::string &file) const { std::filesystem::remove_all(model() + "/" + file); }
  void expect(ErrorCategory category, const std::vector<std::string> &parts) const {
    test::expect_error(category, parts, [&] {
      PainterOptions options;
      options.path = model();
      options.precision = "float32";
      Painter::open(options);
    });
  }

  test::Scratch scratch_;
};

const json kGone(json::value_t::discarded);

TEST_F(BadFiles, MissingOnes) {
  for (const char *file :
       {"tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer_2/vocab.json",
        "text_encoder/config.json", "text_encoder_2/config.json", "model_index.json",
        "scheduler/scheduler_config.json", "unet/config.json", "vae/config.json"}) {
    scratch_.copy(test::data("sdxl/model"), "model");
    remove(file);
    expect(ErrorCategory::NotFound, {model() + "/" + file});
  }
  scratch_.copy(test::data("sdxl/model"), "model");
  for (const char *folder : {"text_encoder_2", "unet", "vae"}) {
    scratch_.copy(test::data("sdxl/model"), "model");
    for (const char *name : {"model.safetensors", "diffusion_pytorch_model.safetensors"})
      remove(folder + std::string("/") + name);
    expect(ErrorCategory::NotFound, {model() + "/" + folder, "model.safetensors"});
  }
  scratch_.copy(test::data("sdxl/model"), "model");
  remove("text_encoder");
  expect(ErrorCategory::NotFound, {model() + "/text_encoder"});
}

TEST_F(BadFiles, TheVariantOfHalfPrecisionIsTakenToo) {
  std::filesystem::rename(model() + "/text_encoder/model.safetensors",
                          model() + "/text_encoder/model.fp16.safetensors");
  std::filesystem::rename(model() + "/unet/diffusion_pytorch_model.safetensors",
                          model() + "/unet/diffusion_pytorch_model.fp16.safetensors");
  PainterOptions options;
  options.path = model();
  EXPECT_NO_THROW(Painter::open(options));
}

class TokenizersWithGaps : public BadFiles {
protected:
  /// Of tokenizer_2, as it is in the fixture.
  json vocabulary() const { return json::parse(read_file(fixture_ + "/vocab.json")); }
  std::string merges() const { return read_file(fixture_ + "/merges.txt"); }

  void refuse(const json &vocabulary, const std::vector<std::string> &parts) const {
    refuse(vocabulary, merges(), parts);
  }
  void refuse(const json &vocabulary, const std::string &merges,
              const std::vector<std::string> &parts) const {
    scratch_.write("model/tokenizer_2/vocab.json", vocabulary.dump());
    scratch_.write("model/tokenizer_2/merges.txt", merges);
    expect(ErrorCategory::Format, parts);
  }
  std::string file(const std::string &name) const { return model() + "/tokenizer_2/" + name; }

private:
  std::string fixture_ = test::data("sdxl/model/tokenizer_2");
};

TEST_F(TokenizersWithGaps, APieceThatAMergeNeeds) {
  json without = vocabulary();
  without.erase("red</w>");
  refuse(without, {file("merges.txt"), "red</w>"});
}

TEST_F(TokenizersWithGaps, IdsThatAreNone) {
  for (const auto &[id, part] : std::vector<std::pair<json, std::string>>{
           {3, "share the id 3"},
           {"3", "\"red</w>\" has the id \"3\""},
           {3.5, "\"red</w>\" has the id 3.5"},
           {-1, "\"red</w>\" has the id -1"},
           {nullptr, "\"red</w>\" has the id null"},
           {1e30, "\"red</w>\" has the id 1e+30"},
           {uint64_t{1} << 63, "\"red</w>\" has the id 9223372036854775808"}}) {
    json changed = vocabulary();
    ASSERT_TRUE(changed.contains("red</w>"));
    changed["red</w>"] = id;
    refuse(changed, {file("vocab.json"), part});
  }
}

// A byte's symbol that no merge needs.
TEST_F(TokenizersWithGaps, AnIdThatNoPieceHas) {
  json without = vocabulary();
  const json id = without.at("\u00ff</w>");
  without.erase("\u00ff</w>");
  refuse(without, {file("vocab.json"), "no piece has the id " + id.dump()});
}

TEST_F(TokenizersWithGaps, SpecialTokensThatAreMissing) {
  for (const char *token : {"<|startoftext|>", "<|endoftext|>"}) {
    json without = vocabulary();
    without.erase(token);
    refuse(without, {file("vocab.json"), token});
  }
}

TEST_F(TokenizersWithGaps, APieceThatNoMergeMakes) {
  const std::string all = merges();
  const size_t last = all.rfind('\n', all.size() - 2) + 1;
  std::string piece = all.substr(last, all.find('\n', last) - last);
  piece.erase(piece.find(' '), 1);
  refuse(vocabulary(), all.substr(0, last), {file("merges.txt"), '"' + piece + '"'});
  json more = vocabulary();
  more["one more"] = more.size();
  refuse(more, {file("merges.txt"), "\"one more\""});
}

TEST_F(BadFiles, MergesThatAreNone) {
  for (const std::string text :
       {"", "#version: 0.2\n", "#version: 0.2\nab\n", "#version\n\xff a\n"}) {
    scratch_.write("model/tokenizer/merges.txt", text);
    expect(ErrorCategory::Format, {model() + "/tokenizer"});
  }
}

TEST_F(BadFiles, OtherTokenizers) {
  set("tokenizer/tokenizer_config.json", "tokenizer_class", "T5Tokenizer");
  expect(ErrorCategory::Unsupported, {"tokenizer_config.json", "T5Tokenizer"});
}

TEST_F(BadFiles, MoreTokensThanTheEncoderKnows) {
  json vocabulary = read("tokenizer_2/vocab.json");
  vocabulary["\u0100\u0101"] = 934; // the bytes 0 and 1
  scratch_.write("model/tokenizer_2/vocab.json", vocabulary.dump());
  const std::string merges = read_file(test::data("sdxl/model/tokenizer_2/merges.txt"));
  scratch_.write("model/tokenizer_2/merges.txt", merges + "\u0100 \u0101\n");
  expect(ErrorCategory::Format, {"text_encoder_2/config.json", "934", "935"});
}

TEST_F(BadFiles, TextEncoderConfigurations) {
  const std::string file = "text_encoder/config.json";
  for (const auto &[key, value] :
       std::vector<std::pair<std::string, json>>{{"hidden_size", kGone},
                                                 {"hidden_size", "wide"},
                                                 {"hidden_size", -3},
                                                 {"num_attention_heads", 5},
                                                 {"num_hidden_layers", 0}}) {
    scratch_.copy(test::data("sdxl/model/text_encoder"), "model/text_encoder");
    set(file, key, value);
    expect(ErrorCategory::Format, {file, key});
  }
  for (const auto &[key, value] :
       std::vector<std::pair<std::string, json>>{{"architectures", {"BertModel"}},
                                                 {"architectures", {"CLIPTextModelWithProjection"}},
                                                 {"hidden_act", "relu"},
                                                 {"layer_norm_eps", 1e-3}}) {
    scratch_.copy(test::data("sdxl/model/text_encoder"), "model/text_encoder");
    set(file, key, value);
    expect(ErrorCategory::Unsupported, {file, key});
  }
}

TEST_F(BadFiles, ShapesThatAreNotThoseOfTheConfiguration) {
  set("text_encoder/config.json", "vocab_size", 1000);
  expect(ErrorCategory::Format, {"text_encoder/model.safetensors", "token_embedding", "[934, 32]"});
  set("text_encoder/config.json", "hidden_size", 64);
  expect(ErrorCategory::Format, {"unet/config.json", "cross_attention_dim", "80", "112"});
}

TEST_F(BadFiles, OtherPipelinesAndSchedulers) {
  set("model_index.json", "_class_name", "StableDiffusionPipeline");
  expect(ErrorCategory::Unsupported, {"model_index.json", "StableDiffusionPipeline"});
  set("model_index.json", "_class_name", "StableDiffusionXLPipeline");
  const std::string file = "scheduler/scheduler_config.json";
  for (const auto &[key, value] :
       std::vector<std::pair<std::string, json>>{{"_class_name", "DDIMScheduler"},
                                                 {"timestep_spacing", "trailing"},
                                                 {"prediction_type", "v_prediction"},
                                                 {"beta_schedule", "squaredcos_cap_v2"},
                                                 {"use_karras_sigmas", true}}) {
    scratch_.copy(test::data("sdxl/model/scheduler"), "model/scheduler");
    set(file, key, value);
    expect(ErrorCategory::Unsupported, {file, key, value.is_string() ? value : "true"});
  }
}

TEST_F(BadFiles, UNetConfigurations) {
  const std::string file = "unet/config.json";
  for (const auto &[key, value] :
       std::vector<std::pair<std::string, json>>{{"block_out_channels", kGone},
                                                 {"block_out_channels", json::array()},
                                                 {"attention_head_dim", {1, 2}},
                                                 {"attention_head_dim", {3, 2, 3}},
                                                 {"down_block_types", {"DownBlock2D"}},
                                                 {"norm_num_groups", 7},
                                                 {"norm_eps", -1},
                                                 {"projection_class_embeddings_input_dim", 10}}) {
    scratch_.copy(test::data("sdxl/model/unet"), "model/unet");
    set(file, key, value);
    expect(ErrorCategory::Format, {file, key});
  }
  for (const auto &[key, value] : std::vector<std::pair<std::string, json>>{
           {"_class_name", "UNet3DConditionModel"},
           {"addition_embed_type", kGone},
           {"act_fn", "mish"},
           {"use_linear_projection", false},
           {"class_embed_type", "timestep"},
           {"up_block_types", {"UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"}}}) {
    scratch_.copy(test::data("sdxl/model/unet"), "model/unet");
    set(file, key, value);
    expect(ErrorCategory::Unsupported, {file, key});
  }
}

TEST_F(BadFiles, PartsThatDoNotFitTogether) {
  set("unet/config.json", "projection_class_embeddings_input_dim", 200);
  expect(ErrorCategory::Format,
         {"unet/config.json", "projection_class_embeddings_input_dim", "40"});
  scratch_.copy(test::data("sdxl/model/unet"), "model/unet");
  set("unet/config.json", "layers_per_block", 3);
  expect(ErrorCategory::Format, {"unet/diffusion_pytorch_model.safetensors", "resnets.2"});
  scratch_.copy(test::data("sdxl/model/unet"), "model/unet");
  set("unet/config.json", "transformer_layers_per_block", {1, 1, 3});
  expect(ErrorCategory::Format,
         {"unet/diffusion_pytorch_model.safetensors", "transformer_blocks.2"});
  scratch_.copy(test::data("sdxl/model/unet"), "model/unet");
  set("vae/config.json", "latent_channels", 8);
  expect(ErrorCategory::Format, {"unet/config.json", "in_channels 4", "latent_channels 8"});
  scratch_.copy(test::data("sdxl/model/vae"), "model/vae");
  set("vae/config.json", "block_out_channels", {16, 32, 32, 64});
  expect(ErrorCategory::Format,
         {"vae/diffusion_pytorch_model.safetensors", "conv_in", "[32, 4, 3, 3]"});
}

TEST_F(BadFiles, Options) {
  PainterOptions options;
  options.path = model();
  const auto expect = [&](ErrorCategory category, const std::string &part, auto change) {
    PainterOptions bad = options;
    change(bad);
    test::expect_error(category, {part}, [&] { Painter::open(bad); });
  };
  expect(ErrorCategory::Settings, "float9", [](auto &o) { o.precision = "float9"; });
  expect(ErrorCategory::Settings, "tpu", [](auto &o) { o.device = "tpu"; });
  expect(ErrorCategory::Unavailable, "cuda:1", [](auto &o) { o.device = "cuda:1"; });
  expect(ErrorCategory::Settings, "1025", [](auto &o) { o.threads = 1025; });
  expect(ErrorCategory::NotFound, "/no/such/model", [](auto &o) { o.path = "/no/such/model"; });
}

TEST_F(BadFiles, LayersThatAreNotThere) {
  set("text_encoder_2/config.json", "num_hidden_layers", 5);
  expect(ErrorCategory::Format, {"text_encoder_2/model.safetensors", "encoder.layers.4."});
}

TEST_F(BadFiles, WeightsThatAreNone) {
  scratch_.write("model/text_encoder/model.safetensors", "garbage");
  expect(ErrorCategory::Format, {"text_encoder/model.safetensors"});
}

} // namespace
} // namespace vlm
