import { describe, expect, it } from "vitest";
import type { Grant } from "@/api/types";
import { problemOf, scopeOf, sentence, verbsOf, withNouns } from "./grants";

const grant = (nouns: string[], verbs: string[], groups: string[] = []): Grant => ({ nouns, verbs, groups });
const QUERY = grant([], ["get"]);
const DISPATCH = grant(["DERGroupDispatches"], ["create", "cancel"], ["g1", "g2"]);

describe("scope", () => {
  it("is everything without grants, else what the grants add up to", () => {
    expect(scopeOf([], "DERGroups", "delete")).toBeNull();
    expect(scopeOf([QUERY, DISPATCH], "DERGroups", "get")).toBeNull();
    expect(scopeOf([QUERY, DISPATCH], "DERGroupDispatches", "create")).toEqual(new Set(["g1", "g2"]));
    expect(scopeOf([QUERY, DISPATCH], "EndDeviceControls", "create")).toEqual(new Set());
  });

  it("of what is about devices knows no groups", () => {
    expect(scopeOf([grant([], [], ["g1"])], "EndDevices", "get")).toEqual(new Set());
  });
});

describe("sentence", () => {
  it("says what a client may and may not do, as far as its role goes", () => {
    expect(sentence([QUERY, DISPATCH], ["dms"])).toBe(
      "May query all groups; may dispatch 2 groups; may not connect and disconnect any group; may not change the definition of any group; may not tell of its own groups; may read the device register; may not send readings and events of devices.",
    );
    expect(sentence([], ["aggregator"])).toBe("May query all groups; may tell of its own groups; may read the device register; may send readings and events of devices.");
  });

  it("says when only a part of it is granted", () => {
    expect(sentence([grant(["DERGroupStatuses"], ["get"], ["g1"])], ["aggregator"])).toContain("May query 1 group in part;");
    expect(sentence([grant(["DERGroups"], ["get"])], ["aggregator"])).toContain("May query all groups in part;");
  });
});

describe("draft", () => {
  it("keeps the verbs that fit the nouns", () => {
    expect(verbsOf(["DERGroupStatuses"])).toEqual(["get", "changed"]);
    expect(withNouns(grant([], ["get", "delete"]), ["DERGroupStatuses"]).verbs).toEqual(["get"]);
  });

  it("is refused when it allows nothing", () => {
    expect(problemOf(QUERY)).toBe("");
    expect(problemOf(grant(["DERGroupStatuses"], ["delete"]))).toBe("This allows nothing");
    expect(problemOf(grant(["EndDevices"], [], ["g1"]))).toContain("cannot be limited");
    expect(problemOf(grant([], [], ["g1"]))).toBe("");
  });
});
