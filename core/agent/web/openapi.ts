import { z } from 'zod'
import { cloudEventSchema } from '../../events/cloud-event.ts'
import { type Commands, commands, events } from '../contract.ts'
import { overviewSchema } from '../parts/computers/overview.ts'

// The API of the web page as an OpenAPI 3.1 document, whose schemas are those of the contract (JSON Schema 2020-12).

const JSON_TYPE = 'application/json'

const toSchema = (schema: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
  return rest
}

const content = (schema: object) => ({ content: { [JSON_TYPE]: { schema } } })
const outputOf = (schema: object) => ({
  type: 'object',
  properties: { output: schema },
  required: ['output'],
})
const refusal = (description: string) => ({
  description,
  ...content({ $ref: '#/components/schemas/Refusal' }),
})

const REFUSALS = {
  400: refusal('The command was refused; the text gives the reason.'),
  401: refusal('No token, or it was removed.'),
  403: refusal("The token is a viewer's, or the request comes from another page."),
}

/** Only requests with this header are answered: other pages cannot set it. */
const headerParameter = {
  name: 'x-holdfast',
  in: 'header',
  required: true,
  description: 'Any value. Pages of other origins cannot set it.',
  schema: { type: 'string' },
}

/** Returns the document. */
export function describeApi(version: string): object {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'The agent of one computer: the commands of its window and its state. `holdfast settings web token add NAME` creates a token.',
    },
    servers: [{ url: '/api' }],
    security: [{ token: [] }],
    paths: {
      ...Object.fromEntries(
        Object.entries(commands).map(([name, schemas]) => [
          `/commands/${name}`,
          { post: describeCommand(name, schemas) },
        ]),
      ),
      '/events': { get: describeEvents() },
      '/overview': { get: describeOverview() },
      '/cloudevents': { get: describeCloudEvents() },
    },
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: {
        Refusal: {
          type: 'object',
          properties: {
            sentence: {
              type: 'object',
              properties: { key: { type: 'string' }, params: { type: 'object' } },
              required: ['key', 'params'],
            },
            text: { type: 'string', description: 'The sentence in English.' },
          },
          required: ['sentence', 'text'],
        },
      },
    },
  }
}

function describeCommand(name: string, { input, output, use }: (typeof commands)[keyof Commands]): object {
  return {
    operationId: name,
    summary: name,
    tags: [use === 'query' ? 'viewer' : 'operator'],
    parameters: [headerParameter],
    requestBody: { required: true, ...content(toSchema(input, 'input')) },
    responses: {
      200: { description: 'Done.', ...content(outputOf(toSchema(output, 'output'))) },
      ...REFUSALS,
    },
  }
}

function describeEvents(): object {
  return {
    operationId: 'events',
    summary: 'Changes of the state, as server-sent events',
    description:
      'Each event is named "patch"; its data is JSON. Request a snapshot if `base` is not the last revision.',
    ...describeStream(events.patch),
  }
}

function describeOverview(): object {
  return {
    operationId: 'overview',
    summary: 'The overall status, as server-sent events',
    description: 'Each event is named "overview"; its data is JSON. The first one follows at once.',
    ...describeStream(overviewSchema),
  }
}

function describeCloudEvents(): object {
  const parameter = (name: string, place: 'query' | 'header', description: string) => ({
    name,
    in: place,
    description,
    schema:
      place === 'header' || name === 'since'
        ? { type: 'string' }
        : { type: 'array', items: { type: 'string' } },
  })
  return {
    operationId: 'cloudevents',
    summary: 'Events of files, batch directories and incidents, as server-sent events',
    description:
      'Each event is named by its type; its id is its cursor, and its data is a CloudEvent 1.0 as JSON.',
    parameters: [
      parameter('since', 'query', 'A cursor, "now" (default) or "beginning".'),
      parameter('Last-Event-ID', 'header', 'The cursor of the last event; instead of `since`.'),
      parameter('type', 'query', 'Only events of these types, such as file.durable.'),
      parameter('source', 'query', 'Only events of these sources, by their ids, and those without a source.'),
    ],
    ...describeStream(cloudEventSchema),
  }
}

const describeStream = (schema: z.ZodType): object => ({
  tags: ['viewer'],
  responses: {
    200: {
      description: 'The stream.',
      content: { 'text/event-stream': { schema: toSchema(schema, 'output') } },
    },
    401: REFUSALS[401],
  },
})
