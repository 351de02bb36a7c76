import { type ServiceFacts, wordsOf } from './facts.ts'

/** A path in double quotes; % would begin a specifier (systemd.unit(5)). */
const place = (text: string) => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`
/** A word of ExecStart= (systemd.service(5), "Command lines"): $ would begin a variable. */
const word = (text: string) => (/^[\w@:,./+-]+$/.test(text) ? text : place(text).replaceAll('$', '$$$$'))

/** What costs neither of them anything it needs, and holds without a mount namespace. */
const BOTH = [
  'UMask=0077',
  'NoNewPrivileges=yes',
  'RestrictSUIDSGID=yes',
  'RestrictRealtime=yes',
  'RestrictNamespaces=yes',
  'LockPersonality=yes',
  'SystemCallArchitectures=native',
  'RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK',
  'SystemCallFilter=@system-service',
  'SystemCallErrorNumber=EPERM',
]

/**
 * It reads and tests what may be anywhere. In a mount namespace of its own it would not see that somebody remounts a
 * disk read-only: nothing that makes one (ProtectSystem, PrivateTmp and their kin) can be here.
 */
function agentLines({ scope, user }: ServiceFacts): string[] {
  const system = [`User=${user}`, 'StateDirectory=holdfast-agent', 'StateDirectoryMode=0700']
  // Root's agent reads what is anybody's, and gives restored files back to their owners. Others may ask the kernel alone
  // who writes to another user's file: fcntl(2), "Leases".
  if (user !== 'root') system.push('CapabilityBoundingSet=CAP_LEASE', 'AmbientCapabilities=CAP_LEASE')
  return [
    '# Its directories may be anywhere: it keeps the view of the file systems that everybody has.',
    ...(scope === 'system' ? system : []),
    ...BOTH,
  ]
}

/** It needs its store, its configuration, the network, and nothing else. Its compiler needs memory to write and run. */
function receiverLines({ scope, user, directory }: ServiceFacts): string[] {
  // The shell's own: a small system has no other kill.
  const always = [`ExecReload=/bin/sh -c "kill -HUP $MAINPID"`, ...BOTH]
  if (scope === 'user') return always
  return [
    `User=${user}`,
    // Where it remembers that its store was set up.
    'StateDirectory=holdfast-receive',
    'StateDirectoryMode=0700',
    'Environment=HOLDFAST_HOME=%S/holdfast-receive',
    ...always,
    'ProtectSystem=strict',
    `ReadWritePaths=${place(directory)}`,
    // What it is started from may be in a home directory.
    'ProtectHome=read-only',
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
    'ProtectControlGroups=yes',
    'ProtectProc=invisible',
    'RemoveIPC=yes',
    'CapabilityBoundingSet=',
    'SystemCallFilter=~@privileged @resources',
  ]
}

const described = { agent: 'Holdfast agent', receive: 'Holdfast receiver' }

/** A unit of systemd (systemd.service(5), systemd.exec(5)). */
export function unitOf(facts: ServiceFacts): string {
  const { name, scope, program, directory } = facts
  return `${[
    '# Made by "holdfast service install"; "holdfast service uninstall" removes it.',
    '[Unit]',
    `Description=${described[name]}`,
    'Documentation=man:holdfast(1)',
    // A user's systemd knows neither.
    ...(scope === 'system' ? ['Wants=network-online.target', 'After=network-online.target'] : []),
    // Else the files would go under the mount point.
    ...(scope === 'system' && name === 'receive' ? [`RequiresMountsFor=${place(directory)}`] : []),
    '',
    '[Service]',
    '# Many files are synced at once, and a disk that hangs must not take every thread.',
    'Environment=UV_THREADPOOL_SIZE=128',
    `ExecStart=${[...program, ...wordsOf(facts)].map(word).join(' ')}`,
    'Restart=always',
    'RestartSec=3',
    '# It ends within ten seconds, also while a disk hangs; systemd is patient a little longer.',
    'TimeoutStopSec=15',
    'LimitNOFILE=65536',
    ...(name === 'agent' ? agentLines(facts) : receiverLines(facts)),
    '',
    '[Install]',
    `WantedBy=${scope === 'system' ? 'multi-user.target' : 'default.target'}`,
  ].join('\n')}\n`
}
