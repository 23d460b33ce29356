import { readFileSync } from "node:fs";
import * as z from "zod";

/** A service as AWS describes it to its own SDKs, cut down to what the bed plays (see generate.py). */
export interface ServiceModel {
  readonly service: string;
  readonly metadata: {
    readonly protocol: string;
    readonly apiVersion: string;
    readonly targetPrefix?: string | undefined;
    readonly xmlNamespace?: string | undefined;
  };
  readonly operations: Readonly<Record<string, OperationModel>>;
  readonly shapes: Readonly<Record<string, Shape>>;
}

export type OperationModel = z.infer<typeof operationSchema>;

/** A member, an element, or an operation's input or output. */
export type Reference = z.infer<typeof referenceSchema>;

export type Shape = z.infer<typeof shapeSchema>;

const referenceSchema = z.object({
  shape: z.string(),
  locationName: z.string().optional(),
  queryName: z.string().optional(),
  flattened: z.boolean().optional(),
  resultWrapper: z.string().optional(),
});

const limits = { min: z.number().optional(), max: z.number().optional() };

const shapeSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("structure"),
    members: z.record(z.string(), referenceSchema),
    required: z.array(z.string()).optional(),
  }),
  z.object({ type: z.literal("list"), member: referenceSchema, flattened: z.boolean().optional(), ...limits }),
  z.object({ type: z.literal("map"), key: referenceSchema, value: referenceSchema, ...limits }),
  z.object({
    type: z.literal("string"),
    enum: z.array(z.string()).optional(),
    pattern: z.string().optional(),
    ...limits,
  }),
  z.object({ type: z.enum(["integer", "long", "float", "double"]), ...limits }),
  z.object({ type: z.enum(["boolean", "timestamp"]) }),
]);

const operationSchema = z.object({
  input: referenceSchema.optional(),
  output: referenceSchema.optional(),
  errors: z.array(referenceSchema).optional(),
});

const modelSchema = z.object({
  service: z.string(),
  metadata: z.object({
    protocol: z.string(),
    apiVersion: z.string(),
    targetPrefix: z.string().optional(),
    xmlNamespace: z.string().optional(),
  }),
  operations: z.record(z.string(), operationSchema),
  shapes: z.record(z.string(), shapeSchema),
});

const loaded = new Map<string, ServiceModel>();

/** @param service the name that requests are signed for, which is the file's. */
export function modelOf(service: string): ServiceModel {
  const known = loaded.get(service);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`${service}.json`, import.meta.url), "utf8");
  const model = modelSchema.parse(JSON.parse(text));
  loaded.set(service, model);
  return model;
}

/** The query protocols answer in XML, the others in JSON. */
export function speaksXml({ metadata }: ServiceModel): boolean {
  return metadata.protocol === "query" || metadata.protocol === "ec2";
}

/** @throws when the model lacks the shape: it was cut wrongly. */
export function shapeOf(model: ServiceModel, { shape: name }: Reference): Shape {
  const shape = model.shapes[name];
  if (shape === undefined) throw new Error(`the model of ${model.service} has no shape ${name}`);
  return shape;
}
