# Resolves the names of proxies on this machine: the addresses of each, and the names that these resolve back to.
# Changes nothing. Argument: hosts (names as in the inventory).
param($Arguments)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

function Get-Records([string]$Name, [string]$Property) {
    Resolve-DnsName -Name $Name -ErrorAction SilentlyContinue |
        Where-Object { $_.PSObject.Properties[$Property] -and $_.$Property } |
        ForEach-Object { "$($_.$Property)" }
}

$names = @(foreach ($name in @($Arguments.hosts)) {
        $addresses = @("$name")
        if ("$name" -notmatch '^\d+\.\d+\.\d+\.\d+$|:') {
            $addresses = @(Get-Records "$name" 'IPAddress')
        }
        $reverse = @($addresses | ForEach-Object { Get-Records $_ 'NameHost' })
        @{ host = "$name"; addresses = $addresses; reverse = $reverse }
    })
[Console]::Out.WriteLine((@{ names = $names } | ConvertTo-Json -Compress -Depth 4))
