// The registration of a device plugin: the kubelet's real device manager, and a fake plugin that it may talk to.
//
//	device-registration constants             the paths that both sides were compiled with, as JSON
//	device-registration real-device-manager   listens; says as JSON what it has, at first and for each line it reads
//	device-registration fake-plugin           announces one amd.com/gpu that does not exist, and serves it
//
// Paths are no arguments: AMD's plugin takes the same constants, whatever its container has mounted there.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/klog/v2"
	pluginapi "k8s.io/kubelet/pkg/apis/deviceplugin/v1beta1"
	"k8s.io/kubernetes/pkg/kubelet/cm/devicemanager"
	plugin "k8s.io/kubernetes/pkg/kubelet/cm/devicemanager/plugin/v1beta1"
)

func main() {
	// Nobody waits for it longer, and nothing that hangs stays.
	time.AfterFunc(2*time.Minute, func() { os.Exit(3) })
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 1 {
		switch arguments[0] {
		case "constants":
			return say(map[string]string{
				"devicePluginPath": pluginapi.DevicePluginPath,
				"kubeletSocket":    pluginapi.KubeletSocket,
			})
		case "real-device-manager":
			return realDeviceManager()
		case "fake-plugin":
			return fakePlugin()
		}
	}
	return errors.New("usage: device-registration constants|real-device-manager|fake-plugin")
}

func realDeviceManager() error {
	manager, err := devicemanager.NewManagerImpl(nil, nil)
	if err != nil {
		return err
	}
	// What is nil is about pods, and there are none.
	if err := manager.Start(klog.Background(), nil, nil, nil, nil); err != nil {
		return err
	}
	lines := bufio.NewScanner(os.Stdin)
	for {
		capacity, allocatable, _ := manager.GetCapacity()
		if err := say(map[string]v1.ResourceList{"capacity": capacity, "allocatable": allocatable}); err != nil {
			return err
		}
		if !lines.Scan() {
			return lines.Err()
		}
	}
}

func fakePlugin() error {
	// The stub would wait for a kubelet; ours listens already, or is not to be seen from here.
	connection, err := net.Dial("unix", pluginapi.KubeletSocket)
	if err != nil {
		return err
	}
	connection.Close()
	const name = "amd.com/gpu"
	devices := []*pluginapi.Device{{ID: "fake", Health: pluginapi.Healthy}}
	socket := pluginapi.DevicePluginPath + "amd.com_gpu" // as AMD's names it
	stub := plugin.NewDevicePluginStub(klog.Background(), devices, socket, name, false, false)
	if err := stub.Start(context.Background()); err != nil {
		return err
	}
	if err := stub.Register(context.Background(), pluginapi.KubeletSocket, name, ""); err != nil {
		return err
	}
	if err := say(map[string]string{"registered": name}); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func say(words any) error {
	return json.NewEncoder(os.Stdout).Encode(words)
}
