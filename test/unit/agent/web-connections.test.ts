import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { WebPage } from '../../../core/agent/web/serve.ts'
import { openSettings } from '../../../core/settings/settings-store.ts'
import { fakeAgent } from '../../support/agent/fake-agent.ts'
import { freePort } from '../../support/servers/sftp.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { until } from '../../support/until.ts'

/** All connections that the page accepts. */
const CONNECTIONS = 256

// The loopback of macOS has a single address.
test.skipIf(process.platform === 'darwin')(
  'page: unfinished connections of one address leave room for others',
  async () => {
    const { agent } = fakeAgent(openSettings(temporaryDirectory()))
    Object.assign(agent.host, { page: () => temporaryDirectory('page') })
    const port = await freePort()
    agent.change((settings) => ({ ...settings, web: { ...settings.web, on: true, port } }))
    const page = new WebPage(agent, async () => ({}))
    onTestFinished(() => page.stop())
    await until('the page', () => agent.store.state.web?.address)
    const open = (localAddress: string) => {
      const socket = connect({ port, host: '127.0.0.1', localAddress })
      socket.on('error', () => undefined)
      onTestFinished(() => void socket.destroy())
      return socket
    }
    const ask = async () => {
      const socket = open('127.0.0.1')
      socket.write('GET /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
      return (await socket.setEncoding('utf8').toArray()).join('')
    }
    const held: Socket[] = []
    for (let count = 0; count < CONNECTIONS; count += 1) {
      const socket = open('127.0.0.2')
      await once(socket, 'connect')
      socket.write('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ')
      held.push(socket.resume())
    }
    expect(await ask()).toMatch(/^HTTP\/1.1 401/)
    // It has given its share, and gets it back.
    await until('the refusals', () => held.filter(({ closed }) => closed).length >= CONNECTIONS / 2)
    for (const socket of held) socket.destroy()
    await until('room again', async () => {
      const socket = open('127.0.0.2')
      socket.write('GET /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
      return (await socket.setEncoding('utf8').toArray()).join('').startsWith('HTTP/1.1 401')
    })
  },
)
