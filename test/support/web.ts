import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { CommandInput } from '../../core/agent/contract.ts'
import { sendCommand } from '../../core/agent/control-socket.ts'
import { stateSnapshotSchema } from '../../core/agent/state/schema.ts'
import { startHoldfast } from './cli/processes.ts'
import { freePort } from './servers/sftp.ts'
import { temporaryDirectory } from './temporary.ts'
import { until } from './until.ts'

export interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
  /** The body, if it is JSON. */
  json: { output?: unknown; sentence?: { key: string } } | null
}

export type Ask = (
  method: string,
  path: string,
  options?: { headers?: Record<string, string>; body?: unknown },
) => Promise<Answer>

const readState = async (data: string) =>
  stateSnapshotSchema.parse(await sendCommand(data, 'snapshot', {})).state

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/**
 * Starts an agent that serves its web page; returns its address, two tokens and a function for requests.
 * @param more further settings of the page; with a socket, requests use it.
 */
export async function startWebAgent(
  host = '127.0.0.1',
  names: string[] = [],
  more: CommandInput<'changeSettings'>['web'] = {},
) {
  const data = temporaryDirectory('web')
  const port = await freePort()
  startHoldfast(['agent', '--data', data])
  await until('the agent', () => readState(data).catch(() => null))
  const command = (name: string, input: unknown) => sendCommand(data, name, input)
  const createToken = async (name: string, role: 'viewer' | 'operator') =>
    ((await command('addWebToken', { name, role })) as { token: string }).token
  const operator = await createToken('ada', 'operator')
  const viewer = await createToken('eve', 'viewer')
  await command('changeSettings', { web: { on: true, host, port, names, ...more } })
  const { address } = await until('the page', async () => {
    const { web } = await readState(data)
    return web?.address == null ? null : { address: web.address }
  })
  const isSecure = address.startsWith('https:')
  const ask: Ask = (method, path, { headers = {}, body } = {}) =>
    new Promise((resolve, reject) => {
      const send = isSecure ? httpsRequest : httpRequest
      const options = {
        ...(more.socket == null ? { host: '127.0.0.1', port } : { socketPath: more.socket }),
        method,
        path,
        rejectUnauthorized: false,
        agent: false as const,
      }
      const request = send({ ...options, headers: { 'x-holdfast': '1', ...headers } }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = response.headers['content-type']?.startsWith('application/json') ?? false
          const json = isJson ? JSON.parse(text) : null
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json })
        })
      })
      request.on('error', reject)
      request.end(body === undefined ? undefined : JSON.stringify(body))
    })
  /** Signs in; returns the header of the session's cookie. */
  const signIn = async (token: string) => {
    const { headers } = await ask('POST', '/api/session', { body: { token } })
    return { cookie: headers['set-cookie']?.[0]?.split(';')[0] ?? '' }
  }
  return { data, port, address, operator, viewer, command, ask, signIn, state: () => readState(data) }
}
