import path from 'node:path'
import manifest from '../../../package.json' with { type: 'json' }
import { getArguments, type ServiceDefinition } from './definition.ts'

/** Returns the label: the domain of the application's id with the service's name. */
export const getLabel = ({ name }: ServiceDefinition): string => manifest.appId.replace(/[^.]+$/, name)

export const xml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Returns a property list for launchd (launchd.plist(5)). */
export function buildPlist(service: ServiceDefinition): string {
  const string = (text: string) => `<string>${xml(text)}</string>`
  const words = [...service.program, ...getArguments(service)].map((word) => `    ${string(word)}`)
  const log = path.posix.join(path.posix.dirname(service.config), `${service.name}.log`)
  const user = service.scope === 'system' ? [`  <key>UserName</key>${string(service.user)}`] : []
  return `${[
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    '<dict>',
    `  <key>Label</key>${string(getLabel(service))}`,
    '  <key>ProgramArguments</key>',
    '  <array>',
    ...words,
    '  </array>',
    '  <key>EnvironmentVariables</key>',
    '  <dict><key>UV_THREADPOOL_SIZE</key><string>128</string></dict>',
    ...user,
    '  <key>RunAtLoad</key><true/>',
    '  <key>KeepAlive</key><true/>',
    '  <key>ExitTimeOut</key><integer>15</integer>',
    '  <key>Umask</key><integer>63</integer>',
    `  <key>StandardErrorPath</key>${string(log)}`,
    '</dict>',
    '</plist>',
  ].join('\n')}\n`
}
