import { createServer } from 'node:https'
import { connect } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { openTunnel, setProxy } from '../../../core/lib/network/tunnel.ts'
import { localCertificate } from '../../support/servers/certificate.ts'
import { recordingServer } from '../../support/servers/recording-server.ts'
import { freePort } from '../../support/servers/sftp.ts'

test('tunnel through an https proxy: the certificate has to be for the proxy, not for the target', async () => {
  const certificate = await localCertificate()
  const trusted = getCACertificates('default')
  setDefaultCACertificates([...trusted, certificate.cert])
  onTestFinished(() => setDefaultCACertificates(trusted))
  const target = await recordingServer()
  const names: unknown[] = []
  const proxy = createServer(certificate).on('connect', ({ socket }, client) => {
    names.push((socket as TLSSocket).servername)
    const far = connect(Number(new URL(target.origin).port), '127.0.0.1', () => {
      client.write('HTTP/1.1 200 OK\r\n\r\n')
      far.pipe(client).pipe(far)
    })
  })
  const port = await freePort()
  await new Promise<void>((resolve) => proxy.listen(port, 'localhost', resolve))
  onTestFinished(() => void proxy.close())
  setProxy({ address: `https://localhost:${port}`, user: '', password: '', except: [] })
  onTestFinished(() => setProxy(null))
  const tunnel = await openTunnel({ host: 'far.example', port: 80 }, new AbortController().signal)
  tunnel?.write('GET / HTTP/1.1\r\nHost: far.example\r\nConnection: close\r\n\r\n')
  await new Promise((resolve) => tunnel?.resume().once('end', resolve))
  expect(names).toEqual(['localhost'])
  expect(target.requests).toHaveLength(1)
})
