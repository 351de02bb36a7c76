import { describe, expect, test } from 'vitest'
import { isExcepted } from '../../../core/lib/network/exceptions.ts'
import { parseProxyAddress, readProxyEnvironment } from '../../../core/lib/network/proxy.ts'
import { exportedText, importedSettings, withImported } from '../../../core/settings/import-export.ts'
import { getProxyRoute, proxySettingsSchema } from '../../../core/settings/proxy.ts'
import { settingsSchema } from '../../../core/settings/schema.ts'

describe('address of a proxy', () => {
  test.each([
    ['proxy.example.org:3128', 'http://proxy.example.org:3128', '', ''],
    ['http://a%40b:p%3Aw@proxy:8080/', 'http://proxy:8080', 'a@b', 'p:w'],
    ['socks5://[2001:db8::1]:1080', 'socks5://[2001:db8::1]:1080', '', ''],
    ['https://proxy', 'https://proxy', '', ''],
  ])('%s', (given, address, user, password) => {
    expect(parseProxyAddress(given)).toEqual({ address, user, password })
  })

  test.each([
    '',
    'ftp://proxy:21',
    'http://proxy:3128/path',
    'http://%ZZ@proxy',
    'socks4://proxy:1080',
    'a b',
  ])('%j is none', (given) => expect(parseProxyAddress(given)).toBeNull())
})

describe('proxy of the environment', () => {
  test('HTTPS_PROXY comes before ALL_PROXY and HTTP_PROXY, and lower case before capitals', () => {
    const all = {
      HTTP_PROXY: 'http://c:1',
      ALL_PROXY: 'http://b:1',
      HTTPS_PROXY: 'http://a:1',
      https_proxy: 'http://d:1',
    }
    const read = (...without: (keyof typeof all)[]) =>
      readProxyEnvironment(
        Object.fromEntries(Object.entries(all).filter(([name]) => !without.includes(name as never))),
      )
    expect(read()?.address).toBe('http://d:1')
    expect(read('https_proxy')?.address).toBe('http://a:1')
    expect(read('https_proxy', 'HTTPS_PROXY')?.address).toBe('http://b:1')
    expect(read('https_proxy', 'HTTPS_PROXY', 'ALL_PROXY')?.address).toBe('http://c:1')
    expect(readProxyEnvironment({ NO_PROXY: '*' })).toBeNull()
  })

  test('NO_PROXY has the exceptions, in addition to those of the settings', () => {
    const settings = proxySettingsSchema.parse({ use: 'environment', except: ['10.0.0.0/8'] })
    const environment = { all_proxy: 'socks5h://p:1', no_proxy: 'a.org, .b.org' }
    expect(getProxyRoute(settings, {}, environment)?.except).toEqual(['a.org', '.b.org', '10.0.0.0/8'])
    expect(getProxyRoute({ ...settings, use: 'none' }, {}, environment)).toBeNull()
  })
})

describe('exceptions of a proxy', () => {
  test.each([
    'localhost',
    'x.localhost',
    'LOCALHOST.',
    '127.0.0.53',
    '::1',
    '[::1]',
    '169.254.1.2',
    'fe80::1%eth0',
    '0.0.0.0',
    '::ffff:127.0.0.1',
  ])('%s is always reached directly', (host) => {
    expect(isExcepted([], host, 443)).toBe(true)
  })

  test.each([
    ['example.org', 'example.org', true],
    ['example.org', 'a.Example.org', true],
    ['example.org', 'badexample.org', false],
    ['.example.org', 'a.example.org', true],
    ['*.example.org', 'a.example.org', true],
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.1.2.3', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['2001:db8::/32', '[2001:db8:1::2]', true],
    ['2001:db8::/32', '2001:db9::2', false],
    ['example.org:8443', 'example.org', false],
    ['example.org:443', 'example.org', true],
    ['*', 'anything', true],
    ['10.0.0.0/8', 'ten.example.org', false],
    ['192.168.*', '192.168.7.1', true],
    ['192.168.*', '192.169.7.1', false],
    ['192.168.*.1', '192.168.7.1', true],
    ['192.168.*.1', '192.168.1', false],
    ['192.168.*:8443', '192.168.7.1', false],
    ['nas-*.example.org', 'nas-2.example.org', true],
    ['nas-*.example.org', 'pc-2.example.org', false],
  ])('%s covers %s: %s', (exception, host, expected) => {
    expect(isExcepted([exception], host, 443)).toBe(expected)
  })
})

test('an export leaves the proxy out, and an import keeps the present one', () => {
  const here = settingsSchema.parse({ proxy: { use: 'address', address: 'http://p:1', user: 'a' } })
  const text = exportedText(here, 'station')
  expect(text).not.toContain('http://p:1')
  expect(withImported(here, importedSettings(text, 'file', 'station')).proxy).toEqual(here.proxy)
})

test('an address without its scheme, or with a login, is refused in the settings file', () => {
  for (const address of ['', 'p:1', 'http://a:b@p:1'])
    expect(proxySettingsSchema.safeParse({ use: 'address', address }).success).toBe(false)
})
