/* Two words at random: a mood and a bird. */
#include "engine/name.h"
#include "base/random.h"

#include <stdio.h>

static const char *const moods[] = {"able", "agile", "alert", "ample", "apt", "awake", "bold",
	"brave", "brisk", "bright", "busy", "calm", "candid", "clean", "clear", "clever", "cool",
	"cosy", "crisp", "curious", "daring", "deft", "eager", "early", "easy", "even", "exact",
	"fair", "fast", "fine", "firm", "fond", "frank", "free", "fresh", "gentle", "glad", "good",
	"grand", "happy", "hardy", "honest", "humble", "keen", "kind", "light", "lively", "loyal",
	"lucid", "lucky", "merry", "mild", "modest", "neat", "nimble", "noble", "open", "patient",
	"plain", "polite", "prompt", "proud", "quick", "quiet", "rapid", "ready", "robust", "sharp",
	"silent", "sincere", "sleek", "smart", "smooth", "sober", "solid", "sound", "spry",
	"stable", "steady", "stout", "strong", "sturdy", "subtle", "sunny", "swift", "tidy",
	"tough", "true", "upbeat", "vivid", "warm", "wary", "wide", "wise", "witty", "young",
	"zealous"};
static const char *const birds[] = {"albatross", "auk", "avocet", "barbet", "bittern", "blackbird",
	"bluethroat", "brambling", "bullfinch", "bunting", "bustard", "buzzard", "chaffinch",
	"chough", "condor", "coot", "cormorant", "crane", "crossbill", "crow", "cuckoo", "curlew",
	"dipper", "dotterel", "dove", "duck", "dunlin", "dunnock", "eagle", "egret", "eider",
	"falcon", "fieldfare", "finch", "flamingo", "fulmar", "gadwall", "gannet", "goldcrest",
	"goose", "goshawk", "grebe", "greenfinch", "grouse", "guillemot", "gull", "harrier",
	"hawfinch", "heron", "hobby", "hoopoe", "ibis", "jackdaw", "jay", "kestrel", "kingfisher",
	"kite", "kittiwake", "knot", "lapwing", "lark", "linnet", "magpie", "mallard", "martin",
	"merlin", "moorhen", "nightingale", "nightjar", "nuthatch", "oriole", "osprey", "ouzel",
	"owl", "oystercatcher", "partridge", "pelican", "petrel", "pheasant", "pigeon", "pintail",
	"pipit", "plover", "pochard", "puffin", "quail", "rail", "raven", "razorbill", "redpoll",
	"redshank", "redstart", "redwing", "robin", "roller", "rook", "ruff", "sanderling",
	"sandpiper", "scoter", "serin", "shearwater", "shelduck", "shoveler", "shrike", "siskin",
	"skua", "smew", "snipe", "sparrow", "spoonbill", "starling", "stilt", "stint", "stonechat",
	"stork", "swallow", "swan", "swift", "teal", "tern", "thrush", "tit", "treecreeper",
	"turnstone", "twite", "wagtail", "warbler", "waxwing", "wheatear", "whimbrel", "whinchat",
	"whitethroat", "wigeon", "woodcock", "woodlark", "woodpecker", "wren", "wryneck"};

void engine_name_random(unsigned attempt, char out[ENGINE_NAME_MAX])
{
	uint32_t r[3];
	random_bytes(r, sizeof(r));
	int n = snprintf(out, ENGINE_NAME_MAX, "%s_%s", moods[r[0] % ARRAY_SIZE(moods)],
		birds[r[1] % ARRAY_SIZE(birds)]);
	if (attempt > 1 && n > 0)
		snprintf(out + n, ENGINE_NAME_MAX - (size_t)n, "%u", r[2] % 100000);
}
