import { homedir, userInfo } from 'node:os'
import path from 'node:path'
import type { ServiceDefinition } from './definition.ts'
import { buildPlist, getLabel } from './launchd.ts'
import { buildUnit } from './systemd.ts'
import { buildTask, getTask, taskName } from './windows.ts'

/** Commands and files that install and uninstall a service on this system. */
export interface ServicePlan {
  /** The file that defines the service, and its content. */
  file: string
  text: string
  encoding: 'utf8' | 'utf16le'
  /** Run after the file is written. */
  start: string[][]
  /** Run before the file is removed or rewritten. A failure means that the service was already gone. */
  stop: string[][]
  /** Run after the file is removed. */
  forget: string[][]
  /** Its output matches `running` if the service runs. */
  ask: string[]
  running: RegExp
}

function systemdPlan(service: ServiceDefinition): ServicePlan {
  const isUser = service.scope === 'user'
  const systemctl = ['systemctl', ...(isUser ? ['--user'] : [])]
  const own = path.join(process.env.XDG_CONFIG_HOME || path.join(homedir(), '.config'), 'systemd/user')
  const unit = `holdfast-${service.name}.service`
  const reload = [...systemctl, 'daemon-reload']
  return {
    file: path.join(isUser ? own : '/etc/systemd/system', unit),
    text: buildUnit(service),
    encoding: 'utf8',
    start: [reload, [...systemctl, 'enable', '--now', unit]],
    stop: [[...systemctl, 'disable', '--now', unit]],
    forget: [reload],
    ask: [...systemctl, 'is-active', unit],
    running: /^active$/m,
  }
}

function launchdPlan(service: ServiceDefinition): ServicePlan {
  const label = getLabel(service)
  const isSystem = service.scope === 'system'
  const domain = isSystem ? 'system' : `gui/${userInfo().uid}`
  const directory = isSystem ? '/Library/LaunchDaemons' : path.posix.join(homedir(), 'Library/LaunchAgents')
  const file = path.posix.join(directory, `${label}.plist`)
  return {
    file,
    text: buildPlist(service),
    encoding: 'utf8',
    start: [['launchctl', 'bootstrap', domain, file]],
    stop: [['launchctl', 'bootout', `${domain}/${label}`]],
    forget: [],
    ask: ['launchctl', 'print', `${domain}/${label}`],
    running: /^\s*state = running$/m,
  }
}

function windowsPlan(service: ServiceDefinition): ServicePlan {
  const name = taskName(service)
  const file = path.win32.join(path.win32.dirname(service.config), `holdfast-${service.name}.xml`)
  return {
    file,
    text: buildTask(service),
    encoding: 'utf16le',
    start: [
      ['schtasks', '/Create', '/TN', name, '/XML', file, '/F'],
      ['schtasks', '/Run', '/TN', name],
    ],
    stop: [
      ['schtasks', '/End', '/TN', name],
      ['schtasks', '/Delete', '/TN', name, '/F'],
    ],
    forget: [],
    // The output of schtasks depends on the language of Windows.
    ask: ['powershell', '-NoProfile', '-NonInteractive', '-Command', `(${getTask(service)}).State`],
    running: /^Running\s*$/m,
  }
}

/** @returns null on systems without known services. */
export function buildPlan(platform: NodeJS.Platform, service: ServiceDefinition): ServicePlan | null {
  if (platform === 'linux') return systemdPlan(service)
  if (platform === 'darwin') return launchdPlan(service)
  return platform === 'win32' ? windowsPlan(service) : null
}
