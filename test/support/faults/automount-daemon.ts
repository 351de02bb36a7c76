import { execFileSync } from 'node:child_process'
import { closeSync, constants, mkdirSync, openSync, read, writeFileSync } from 'node:fs'
import path from 'node:path'
import koffi from 'koffi'

// An automount point, as x-systemd.automount makes them: the kernel asks this process to mount a disk (a tmpfs with one
// file) when somebody walks into the point, and lets who walked wait until it says that it has. autofs(5) of the
// kernel's documentation. It has a process group of its own, whose calls the kernel lets through.

const MISSING_DIRECT = 5
/** _IO(0x93, 0x60): what was asked for is mounted. */
const READY = 0x9360

const ioctl = koffi.load(null).func('int ioctl(int fd, ulong request, ulong token)')
const [point = ''] = process.argv.slice(2)
const fifo = path.join(path.dirname(point), 'automount-fifo')

execFileSync('mkfifo', [fifo])
const opener = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK)
const kernelEnd = openSync(fifo, constants.O_WRONLY)
const requests = openSync(fifo, constants.O_RDONLY)
closeSync(opener)
const options = `fd=3,pgrp=${process.pid},minproto=5,maxproto=5,direct`
execFileSync('mount', ['-i', '-t', 'autofs', '-o', options, 'holdfast-test', point], {
  stdio: ['ignore', 'ignore', 'inherit', kernelEnd],
})
closeSync(kernelEnd)
const root = openSync(point, constants.O_RDONLY | constants.O_DIRECTORY)

const packet = Buffer.alloc(1_024)
const next = () =>
  read(requests, packet, 0, packet.length, null, (error, bytes) => {
    if (error !== null || bytes === 0) process.exit()
    // struct autofs_v5_packet: version, type, token, …
    if (packet.readInt32LE(4) === MISSING_DIRECT) {
      execFileSync('mount', ['-t', 'tmpfs', 'holdfast-test', point])
      mkdirSync(path.join(point, 'directory'))
      writeFileSync(path.join(point, 'file'), 'x')
      ioctl(root, READY, packet.readUInt32LE(8))
    }
    next()
  })
next()
process.send?.('mounted')
process.on('disconnect', () => process.exit())
