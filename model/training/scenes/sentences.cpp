// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/training/scenes/sentences.h"

#include <map>

namespace vlm::scenes {
namespace {

using Lists = std::map<Ask, std::vector<const char *>>;

const Lists standard = {
    {Ask::Caption,
     {"What is in the picture?", "Describe the picture.", "What do you see?",
      "Describe this image.", "Write a caption for this image.", "What is shown here?",
      "What can you see in this image?", "What is in this image?",
      "Tell me what is in the picture.", "Describe the scene.", "Caption this.",
      "Describe the image.", "Describe what you see.", "What does the picture show?"}},
    {Ask::YesNo,
     {"Is there {a} in the picture?", "Is there {a}?", "Do you see {a}?",
      "Are there any {pl} in the picture?", "Can you see {a}?", "Do you see any {pl}?",
      "Is there {a} in this image?", "Is {a} visible?", "Does the picture show {a}?",
      "Is there {a} here?"}},
    {Ask::YesNoMass,
     {"{is} there any {pl} in the picture?", "{is} there any {pl}?", "Do you see any {pl}?",
      "Can you see {pl}?", "Do you see {pl} in this image?", "Does the picture show any {pl}?"}},
    {Ask::Count,
     {"How many {pl} are there?", "How many {pl} do you see?", "Count the {pl}.",
      "How many {pl} are in the picture?", "How many {pl} can you see?",
      "How many {pl} are there in the image?", "What is the number of {pl}?",
      "How many {pl} are shown?"}},
    {Ask::Color,
     {"What color {is} the {sg}?", "What is the color of the {sg}?", "Which color {is} the {sg}?",
      "What colour {is} the {sg}?", "Tell me the color of the {sg}.", "Name the color of the {sg}.",
      "What color {does} the {sg} have?"}},
    {Ask::Where,
     {"Where {is} the {sg}?", "Where {is} the {sg} in the picture?", "Where can I find the {sg}?",
      "In which part of the picture {is} the {sg}?", "Where do you see the {sg}?",
      "Tell me where the {sg} {is}.", "What is the position of the {sg}?"}},
    {Ask::WhatAt,
     {"What is {region}?", "What do you see {region}?", "What can you see {region}?",
      "Which thing is {region}?", "What is shown {region}?",
      "What is there {region} of the picture?"}},
    {Ask::Rel,
     {"{is} the {sg} {rel} the {sg2}?", "{is} the {sg} placed {rel} the {sg2}?",
      "Do you see the {sg} {rel} the {sg2}?", "Can you see the {sg} {rel} the {sg2}?"}},
    {Ask::Read,
     {"What does the sign say?", "Read the sign.", "What is written on the sign?",
      "What word is on the sign?", "What text is on the sign?", "What does it say?",
      "Which word is written here?", "Read the text.", "What is the word on the sign?"}},
    {Ask::Draw,
     {"Draw this scene again.", "Make a picture like this.", "Generate a similar picture.",
      "Draw the same things.", "Create an image like this one.", "Paint this picture again.",
      "Generate an image of this scene.", "Make another image like this."}},
    {Ask::DrawText,
     {"Draw {p}.", "Generate {p}.", "Please draw {p}.", "Paint {p}.", "Make a picture of {p}.",
      "Create an image of {p}.", "Show me a picture of {p}.", "Generate an image with {p}.",
      "I want a picture of {p}.", "Can you draw {p}?"}},
};

/// For evaluation only: words and turns that the other lists do not have.
const Lists unlisted = {
    {Ask::Caption,
     {"Summarize the contents of this snapshot.", "What am I looking at?",
      "Could you explain what appears in front of you?", "Enumerate everything that appears.",
      "Give an account of this snapshot.", "What have we got here?",
      "Say in one sentence what this snapshot contains."}},
    {Ask::YesNo,
     {"Would you say {a} appears somewhere?", "Check whether {a} is present.",
      "Does {a} occur in this snapshot?", "Have you spotted {a}?", "Am I right that there is {a}?",
      "Could it be that there is {a} somewhere?"}},
    {Ask::YesNoMass,
     {"Would you say there {is} {pl} somewhere?", "Check whether {pl} {is} present.",
      "Have you spotted {pl}?", "Am I right that there {is} {pl}?"}},
    {Ask::Count,
     {"What quantity of {pl} appears?", "How large is the number of {pl} in this snapshot?",
      "Determine how many {pl} appear.", "The {pl}: how many of them exist?",
      "How many {pl} have you spotted?", "Work out how many {pl} appear."}},
    {Ask::Color,
     {"Which hue {does} the {sg} show?", "How is the {sg} painted?",
      "What would you call the color of the {sg}?", "Of what color {is} the {sg}?",
      "Identify the color that the {sg} {does} have."}},
    {Ask::Where,
     {"Whereabouts {is} the {sg}?", "Give me the location of the {sg}.",
      "On which side or corner should I search for the {sg}?",
      "Point out where the {sg} {is} placed.", "Which region contains the {sg}?",
      "Help me locate the {sg}."}},
    {Ask::WhatAt,
     {"What object appears {region}?", "Name whatever is located {region}.",
      "What have you spotted {region}?", "What would I find {region}?",
      "Which item occupies the place {region}?"}},
    {Ask::Rel,
     {"Would you say that the {sg} {is} {rel} the {sg2}?",
      "Does the snapshot show the {sg} {rel} the {sg2}?",
      "Am I right that the {sg} {is} {rel} the {sg2}?",
      "True or false: the {sg} {is} {rel} the {sg2}."}},
    {Ask::Read,
     {"Spell out what the sign says.", "What inscription does the sign carry?",
      "Which letters can be made out on the sign?", "Transcribe the sign.",
      "What message is displayed on the board?"}},
    {Ask::Draw,
     {"Produce something resembling this.", "Reproduce what you see.",
      "Come up with an illustration that looks like this one.",
      "I would like a copy of this scene."}},
    {Ask::DrawText,
     {"Produce an illustration of {p}.", "Sketch {p} for me.", "Could I get a drawing with {p}?",
      "Visualize {p}.", "I would love to see {p}."}},
    {Ask::ReadAt, {}},
    {Ask::WhereIt, {}},
    {Ask::ColorIt, {}},
};

#define PIC "[picture|image|photo|scene|frame|photograph|shot]"
#define IN_PIC "[|in the " PIC "|in this " PIC "|on this " PIC "|here]"
#define TELL "[tell me|say|let me know|give me a hint about|explain]"
#define ASK_ME "[can you|could you|would you|will you]"
#define THING "[thing|object|item]"

const Lists training = {
    {Ask::Caption,
     {"[What is|What's] [in|on] [the|this|that] " PIC "?",
      "[What|What all] [do|can|could] you see [in|on] [the|this] " PIC "?",
      "[Describe|Please describe|Caption|Please caption] [the|this] " PIC
      " [|briefly|shortly|for me|please|in one sentence|in a few words].",
      "[Write|Give|Make|Give me|Write me|I need] a [|short|brief|one-line] [caption|description] "
      "[for|of] [the|this] " PIC ".",
      ASK_ME " [describe|caption] [the|this] " PIC " [|for me|please]?",
      ASK_ME " tell me what [is|you see] [in|on] [the|this] " PIC "?",
      TELL " what [is|you see] [in|on] [the|this] " PIC ".",
      "[List|Name|Tell me|Mention] [all|] the [things|objects|items] [you see|you can see|in "
      "the " PIC "|in this " PIC "|here|that are shown].",
      "[List|Name] everything [you see|in the " PIC "|in this " PIC "|here|that is shown|visible].",
      "[Which|What] [things|objects|items] [are|can be seen|are shown|are visible|are there] [in "
      "the " PIC "|in this " PIC "|here]?",
      "[Which|What] [things|objects|items] do you see [|here|in this " PIC "]?",
      "[What is|What's] [visible|shown|depicted|there|here|this|displayed|going on|on display]?",
      "What [is|can be] [seen|found] [here|in the " PIC "|in this " PIC "]?",
      "What [does|did] this [show|depict|contain]?",
      "What does [the|this] " PIC " [show|depict|contain|have in it|display]?",
      "What's [here|there|this|that|in it|in here]?",
      "[Description|Caption|Caption please|Describe|Describe it|Describe this|Contents|Summary].",
      "What [is|are] [the contents of|in|the things in|the objects in] [the|this] " PIC "?",
      "[I want to know|I'd like to know|I wonder|I am wondering|Show me] what [is|you see] in "
      "[the|this] " PIC ".",
      "[Put|Sum] [the|this] " PIC " [into words|up in one sentence].",
      "What [kind|sort] of " PIC " is this?",
      "[Please look and|Look and|Take a look and] [describe|tell me] what you see.",
      "What does [the camera|your eye|this view] [show|see]?",
      "What is this a " PIC " of?",
      "What is [the|this] " PIC " [of|about]?",
      "Anything [to see|visible|here]?",
      "What did the camera [see|catch|record]?",
      "Report what [is visible|you see|is there].",
      "[Outline|Recount|Narrate|Itemize|Catalog|Inventory|Specify|Characterize|Detail|Identify|"
      "Present] "
      "[what you see|what is there|what is visible|the contents|all of it|the view|this still|this "
      "drawing|the things] [|please|briefly].",
      "[A|One] [sentence|line|phrase] about [this|the] " PIC " [|please].",
      "[Talk|Speak] [|to me] about [this|the] " PIC ".",
      "What [do we have|is there to see|stands out|can be made out|meets the eye|would you call "
      "this]?",
      "How would you [describe|caption|title] [this|it|what you see|the " PIC "]?",
      "What [might|may|could] this [be|show]?",
      "[Things|Objects|Items] in [this|the] " PIC "?"}},
    {Ask::YesNo,
     {"[Is there|Is there maybe|Is there also|Is there really] {a} " IN_PIC "?",
      "[Are there|Are there any|Are there some] {pl} " IN_PIC "?",
      "[Do|Can|Could] you [see|find|notice|detect|recognize|spot|make out] {a} " IN_PIC "?",
      "[Do|Can|Could] you [see|find|notice|detect|spot] [any|some] {pl} " IN_PIC "?",
      "Does [the|this] " PIC " [show|contain|have|include|depict] {a}?",
      "Does [the|this] " PIC " [show|contain|have|include|depict] [any|some] {pl}?",
      "[Is|Can] {a} [be seen|visible|shown|there|present|in the " PIC "|in this " PIC
      "|somewhere|anywhere]?",
      "[Any|Some] {pl} [|here|there|in the " PIC "|in this " PIC "|around|in sight]?",
      "{a} [|here|there|in the " PIC "|in sight]?",
      ASK_ME " [tell me|say|check] [if|whether] there is {a} " IN_PIC "?",
      "[Tell me|Say|Check|Look] [if|whether] there is {a} " IN_PIC ".",
      "[I wonder|I want to know|I'd like to know] [if|whether] there is {a} " IN_PIC ".",
      "[Is|Was] there {a} [to be seen|in view|somewhere|anywhere|in sight|among the things]?",
      "There is {a} " IN_PIC ", [right|isn't there|correct|yes or no|true or false]?",
      "Yes or no: is there {a} " IN_PIC "?",
      "Is {a} [among the things|one of the things|part of the scene|part of the " PIC
      "|shown here|shown in the " PIC "]?",
      "Did [you|the camera] see {a}?",
      "Has [the|this] " PIC " got {a}?",
      "Is one of the [things|objects|items] {a}?",
      "Would I [find|see] {a} " IN_PIC "?",
      "Is it true that there is {a} " IN_PIC "?",
      "[Do you think|Do you believe|Does it look like|Does it seem|Would you agree|Are you sure] "
      "[|that] there is {a} " IN_PIC "?",
      "[Verify|Confirm|Find out|Make sure|Decide] [that|whether|if] there is {a} " IN_PIC ".",
      "Can I expect {a} " IN_PIC "?",
      "Has [anyone|somebody] [put|placed|drawn] {a} " IN_PIC "?",
      "I am looking for {a}. Is there one?",
      "{a}: yes or no?"}},
    {Ask::YesNoMass,
     {"{is} there [any|some|] {pl} " IN_PIC "?",
      "[Do|Can|Could] you [see|find|notice|detect|recognize|spot] [any|some|] {pl} " IN_PIC "?",
      "Does [the|this] " PIC " [show|contain|have|include|depict] [any|some|] {pl}?",
      "[Any|Some|] {pl} [|here|there|in the " PIC "|around|in sight]?",
      "[Tell me|Say|Check] [if|whether] there {is} [any|] {pl} " IN_PIC ".",
      ASK_ME " [tell me|say|check] [if|whether] there {is} {pl} " IN_PIC "?",
      "{is} {pl} [visible|shown|there|present|in the " PIC "|anywhere]?",
      "Yes or no: {is} there any {pl} " IN_PIC "?",
      "There {is} {pl} " IN_PIC ", [right|correct|yes or no]?", "Can {pl} be seen " IN_PIC "?",
      "{is} it true that there {is} {pl} " IN_PIC "?",
      "[I wonder|I want to know] [if|whether] there {is} {pl} " IN_PIC ".",
      "[Do you think|Do you believe|Are you sure] [|that] there {is} {pl} " IN_PIC "?",
      "[Verify|Confirm|Find out|Decide] [whether|if] there {is} {pl} " IN_PIC "."}},
    {Ask::Count,
     {"How many {pl} [|are there|are here|are visible|are present|are shown|can be seen|can be "
      "found|do you count|do you see|do you find|can you find|can you count|could you "
      "count] " IN_PIC "?",
      "[Count|Please count|Count up|Number|Tally] [the|all|all the] {pl} " IN_PIC ".",
      "[What is|What's|Tell me|Give me|Say|State] the [number|count|total|amount|total number] of "
      "{pl} " IN_PIC ".",
      ASK_ME " [count|tally] the {pl} " IN_PIC "?",
      ASK_ME " tell me how many {pl} [there are|you see|are shown] " IN_PIC "?",
      "[Tell me|Say|I want to know|I'd like to know|I wonder] how many {pl} [there are|you see|are "
      "visible|are shown] " IN_PIC ".",
      "[The|] number of {pl} [|please|here|in the " PIC "]?",
      "[The|] {pl}, how many?",
      "How many {pl} does [the|this] " PIC " [show|contain|have|include]?",
      "How many [of the things|of the objects] are {pl}?",
      "How often do you see {pl}?",
      "In [the|this] " PIC ", how many {pl} [are there|do you see]?",
      "How many {pl} did [you|the camera] see?",
      "{pl}: how many?",
      "How many {pl} in [total|all]?",
      "Do a count of the {pl}.",
      "[Report|Enter|Note|Provide] the [number|count] of {pl} " IN_PIC ".",
      "[Exactly|About|Roughly] how many {pl} [are there|do you see] " IN_PIC "?",
      "Up to how many {pl} can [you|one] count?",
      "The count of {pl} is what?",
      "What [sum|figure] do you get for the {pl}?",
      "How numerous are the {pl}?"}},
    {Ask::Color,
     {"[What|Which] [color|colour] {is} the {sg} " IN_PIC "?",
      "[What is|What's|Tell me|Name|Say|Give me|State] the [color|colour] of the {sg} " IN_PIC ".",
      "[What|Which] [color|colour] {does} the {sg} have " IN_PIC "?",
      ASK_ME " [tell me|name|say] the [color|colour] of the {sg} " IN_PIC "?",
      ASK_ME " [tell me|say] [what|which] [color|colour] the {sg} {is}?",
      "[Tell me|Say|I want to know|I'd like to know|I wonder] [what|which] [color|colour] the {sg} "
      "{is}.",
      "The {sg} {is} [what|which] [color|colour]?",
      "[Color|Colour] of the {sg} [|please|in the " PIC "]?",
      "The {sg}, [what|which] [color|colour] [|{is} it]?",
      "[What|Which] [color|colour] do you see on the {sg}?",
      "In [what|which] [color|colour] {is} the {sg} [|shown|drawn|painted]?",
      "What [color|colour] would you say the {sg} {is}?", "What [color|colour]'s the {sg}?",
      "How {is} the {sg} colored?", "[What|Which] [color|colour] {is} the {sg} that you see?",
      "[What|Which] [shade|tint|tone] {is} the {sg} " IN_PIC "?",
      "[Describe|Report|Specify|Determine] the [color|colour|shade] of the {sg}.",
      "[What|Which] [color|colour] did they [paint|give|choose for] the {sg}?",
      "The [color|colour] of the {sg} is what?"}},
    {Ask::Where,
     {"Where [in the " PIC "|in this " PIC "|exactly|on the " PIC "|] {is} the {sg}?",
      "Where {is} the {sg} [located|placed|shown|positioned|to be found|situated|visible|] " IN_PIC
      "?",
      "Where [can|could|do|should|would] [I|you|we|one] [see|find|look for|spot] the {sg} " IN_PIC
      "?",
      "[What is|What's|Tell me|Name|State|Say|Give me] the [position|place|location|spot] of the "
      "{sg} " IN_PIC ".",
      "[Tell me|Say|Show me|I want to know|I'd like to know|I wonder] where the {sg} {is} " IN_PIC
      ".",
      ASK_ME " [tell me|say|show me] where the {sg} {is} " IN_PIC "?",
      "[In|On] [which|what] [part|area|corner|section|side|place] of the " PIC
      " {is} the {sg} [|located|placed|shown]?",
      "[Find|Locate|Spot|Search for|Look for] the {sg} " IN_PIC ".",
      "The {sg} {is} where " IN_PIC "?", "[The|] {sg}, where [{is} it|]?",
      "[Position|Place|Location] of the {sg} [|please|in the " PIC "]?",
      "Where did [you|the camera] see the {sg}?", "Where's the {sg} " IN_PIC "?",
      "At [what|which] [place|position|spot] {is} the {sg}?",
      "[Describe|Report|Specify|Indicate|Determine] [where the {sg} {is}|the position of the "
      "{sg}|the "
      "place of the {sg}].",
      "[To|Toward|At|Near|By] which [side|corner|edge|part] {is} the {sg}?",
      "Where [might|must|would] the {sg} be?",
      "I [cannot find|am looking for|need] the {sg}. Where [should I look|{is} the {sg}]?"}},
    {Ask::WhatAt,
     {"[What is|What's|What can be seen|What can you find|What is located|What is visible|What do "
      "you find|What do you notice|What lies|What is placed|What can I see|What sits|What appears] "
      "{region} " IN_PIC "?",
      "[Which|What] " THING
      " [is|do you see|can you see|is located|is shown|is visible] {region} " IN_PIC "?",
      "[Tell me|Say|I want to know|I wonder] what [is|you see|is shown] {region}.",
      ASK_ME " [tell me|say|describe] what is {region} " IN_PIC "?",
      "[Name|Describe|Tell me about] [the thing|the object|what is|what you see] {region}.",
      "{region}, what [is there|do you see|is shown|can you see]?",
      "Is there [something|anything] {region}?", "[What|Which] " THING " {region}?",
      "And {region}?", "What's there {region}?", "What [did you see|was seen] {region}?",
      "Look {region}: what is there?", "Do you see [something|anything] {region}? What is it?",
      "[Report|Specify|Identify|Mention] what [is|stands|lies] {region}.",
      "[Anything|Something] {region}?",
      "What [stands|rests|is drawn|is painted|hangs|shows up] {region} " IN_PIC "?"}},
    {Ask::Rel,
     {"{is} the {sg} [|located|placed|positioned|shown|standing|drawn|somewhere|really|found|seen] "
      "{rel} the {sg2} " IN_PIC "?",
      "[Do|Can|Could] you [see|find|notice|spot] the {sg} {rel} the {sg2} " IN_PIC "?",
      "[Tell me|Say|Check|I wonder|I want to know] [if|whether] the {sg} {is} {rel} the {sg2}.",
      ASK_ME " [tell me|say|check] [if|whether] the {sg} {is} {rel} the {sg2}?",
      "The {sg} {is} {rel} the {sg2}, [right|correct|yes or no|true or false|isn't that so]?",
      "[Is it true|Is it correct|Is it right] that the {sg} {is} {rel} the {sg2}?",
      "Yes or no: {is} the {sg} {rel} the {sg2}?", "[The|] {sg} {rel} [the|] {sg2}?",
      "Does the {sg} [lie|sit|stand|appear] {rel} the {sg2}?",
      "In [the|this] " PIC ", {is} the {sg} {rel} the {sg2}?",
      "[Do you think|Do you believe|Would you agree|Are you sure|Does it look like] [|that] the "
      "{sg} "
      "{is} {rel} the {sg2}?",
      "[Verify|Confirm|Decide|Find out] [that|whether|if] the {sg} {is} {rel} the {sg2}.",
      "The {sg} {is} {rel} the {sg2}: [yes or no|correct or not|right or wrong]?"}},
    {Ask::Read,
     {"[What is|What's|What can you read|What do you read|What stands|What is printed|What is "
      "shown|What does it say|What is spelled] on the [sign|panel|plate|board]?",
      "[Read|Please read|Read out|Read me|Read aloud] the [sign|text|word|letters|writing|sign's "
      "text|words on the sign] " IN_PIC ".",
      "[What|Which] [word|text|letters|writing|words] [is|can you see|do you see|can you "
      "read|stands|is shown|is written|is printed] [on the sign|on it|here|there|in the " PIC "]?",
      "What does [the|this|that] [sign|text|writing|board|plate|label] [say|read|spell]?",
      ASK_ME
      " [read|tell me] [the sign|the text|the word|what the sign says|what is written] " IN_PIC "?",
      "[Tell me|Say|I want to know|I wonder] what [the sign says|is written on the sign|is "
      "written|the text says|it says].",
      "What [is|was] written [here|there|in this " PIC "|in the " PIC "]?",
      "[Text|Word|Sign|The sign|The text|The word] [please|]?",
      "[Is there a sign? What does it say?|There is a sign, what does it say?]",
      "What does it [read|spell|say there]?",
      "[The sign says what|The text is what|What says the sign]?",
      "[Write|Type|Copy] [down|] the [word|text] on the sign.", "What's the [sign|text|word] say?",
      "What is the [text|word|writing] [|on the sign|in the " PIC "]?",
      "[Report|Recite|Decipher|Quote|Make out] [the text|the word|what the sign says|the sign].",
      "[What|Which] [label|notice|title] is on the sign?",
      "What are the letters [on the sign|here]?"}},
    {Ask::ReadAt,
     {"[What does|What is written on|What can you read on] the sign {region} [|say]?",
      "Read the [sign|text|word] {region}.", "[What|Which] [word|text] is {region}?",
      "[What|Which] [word|text] is [on the sign|written] {region}?",
      "What does the [sign|text] {region} [say|read]?",
      "[Tell me|Say] what the sign {region} says."}},
    {Ask::Draw,
     {"[Draw|Paint|Create|Generate|Make|Render|Produce|Show me] [this|the] "
      "[scene|picture|image|photo] [again|once more|anew|another time].",
      "[Draw|Paint|Create|Generate|Make|Render] [a|another|one more|a new|a second] [similar|] "
      "[picture|image|drawing|painting|photo] [like this|like this one|of this|of this scene|like "
      "it|of the same things|with the same things].",
      ASK_ME " [draw|paint|create|generate|make|render] [this|this scene|the same|the same scene|a "
             "similar picture|something like this|it again]?",
      "[Draw|Paint|Generate|Make|Create|Render] [the same|something similar|something like "
      "this|the same things|what you see|a copy|all this|it again|it].",
      "[I want|I would like|I'd like|Give me|Show me|I need] [a|another] [similar|new] "
      "[picture|image|drawing] [|like this|of this|please].",
      "[Repeat|Redraw|Recreate|Copy|Remake|Repaint] [this|the] [scene|picture|image|photo].",
      "[Please|Now] [draw|paint|generate|create] [this|the same|a picture like this|this "
      "again|what is shown].",
      "[A|One more] [picture|image|drawing] like this [|please].",
      "Turn this into a [picture|drawing|painting].",
      "[Replicate|Imitate|Duplicate|Mimic] [this|the scene|this picture|it].",
      "[I need|I want] [another version|a second one|one more] of this.",
      "[Try|Have a go at] [drawing|painting] [this|the same]."}},
    {Ask::DrawText,
     {"[Draw|Paint|Create|Generate|Make|Render|Design|Imagine|Show|Depict|Illustrate] {p} "
      "[|please|for me|now].",
      "[Please|Now|Now please] [draw|paint|create|generate|make|render|show] {p}.",
      "[Draw|Paint|Create|Generate|Make|Render|Show|Give] me {p}.",
      "[Draw|Paint|Create|Generate|Make|Render|Show me|Give me|I want|I need|I'd like|I would "
      "like] [a|one|some] [picture|image|drawing|painting|photo|scene] [of|with|showing|that "
      "shows|containing] {p}.",
      ASK_ME " [draw|paint|create|generate|make|render|show me|show] {p} [|please|for me]?",
      ASK_ME " [draw|paint|create|generate|make|render] [a|me a] [picture|drawing|painting|photo] "
             "[of|with|showing] {p}?",
      "[A|One] [picture|drawing|painting|photo] [of|with|showing] {p} [|please].",
      "[I want|I'd like|I would like|I need] to see {p}.",
      "[I want|I'd like|I would like|I need] {p}.", "{p}.", "[Let me|Let us] see {p}.",
      "[Picture|Image|Drawing]: {p}.", "How would {p} look?",
      "[Compose|Craft|Draft|Prepare|Sketch out] [a picture|an image|a drawing] [of|with|showing] "
      "{p}.",
      "[Bring|Put] {p} on [a|the] [canvas|page|screen].", "[I wish|I hope] to see {p}.",
      "May I [have|get] a [picture|drawing] of {p}?",
      "[Think of|Come up with] {p} and [draw|paint] it."}},
    {Ask::WhereIt,
     {"[|And|And now,] [where {is} {it}|where exactly {is} {it}|where {is} {it} in the " PIC
      "|where can I find {it}]?",
      "[Where|And where|Where exactly|In which part|Which part of the " PIC "]?",
      "[Tell me|Say] where {it} {is}.", "[And|] in which part of the " PIC " {is} {it}?"}},
    {Ask::ColorIt,
     {"[|And|And now,] [what|which] [color|colour] {is} {it}?",
      "[And|] [what color|which color|its color|what colour]?",
      "[And|] what is {its} [color|colour]?", "[Tell me|Say|Name] {its} [color|colour]."}},
};

#undef PIC
#undef IN_PIC
#undef TELL
#undef ASK_ME
#undef THING

const std::vector<const char *> &list_of(const Lists &lists, Ask ask) {
  static const std::vector<const char *> none;
  const auto found = lists.find(ask);
  return found == lists.end() ? none : found->second;
}

} // namespace

const std::vector<const char *> &standard_sentences(Ask ask) { return list_of(standard, ask); }
const std::vector<const char *> &unlisted_sentences(Ask ask) { return list_of(unlisted, ask); }
const std::vector<const char *> &training_patterns(Ask ask) { return list_of(training, ask); }

} // namespace vlm::scenes
