# Connects from this machine to ports of others and sends nothing. Changes nothing. Argument: targets (HOST:PORT, with
# blanks between them). `open` is true where a connection is accepted, false where it is refused or not answered, null
# where this is unknown, for example because the name does not resolve.
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$away = 'ConnectionRefused', 'TimedOut', 'HostUnreachable', 'NetworkUnreachable', 'HostDown'

# All connections begin at once; the client speaks IPv4 and IPv6.
$tries = @(foreach ($target in "$($Arguments.targets)".Split(' ')) {
        if ($target) {
            $at = $target.LastIndexOf(':')
            $client = New-Object System.Net.Sockets.TcpClient([Net.Sockets.AddressFamily]::InterNetworkV6)
            $client.Client.DualMode = $true
            $task = $client.ConnectAsync($target.Substring(0, $at), [int]$target.Substring($at + 1))
            @{ target = $target; client = $client; task = $task }
        }
    })
$end = [DateTime]::UtcNow.AddSeconds(3)
$ports = @(foreach ($try in $tries) {
        $open = $null
        try {
            $left = [Math]::Max(0, ($end - [DateTime]::UtcNow).TotalMilliseconds)
            $open = $try.task.Wait([int]$left)
        } catch {
            $cause = $_.Exception.GetBaseException()
            if ($cause -is [Net.Sockets.SocketException] -and $away -contains "$($cause.SocketErrorCode)") {
                $open = $false
            }
        } finally {
            $try.client.Close()
        }
        @{ target = $try.target; open = $open }
    })
[Console]::Out.WriteLine((@{ ports = $ports } | ConvertTo-Json -Compress -Depth 4))
